"""What retrainings at times of the past would have gained, against what they cost.

Each training is run from the champion's lineage with the data up to its time, in a store of its
own; nothing is registered, promoted or sent anywhere. What a model would have lost until the next
time is measured on the test of the training at that time, as a promotion does: on the same rows
for all models.
"""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import asdict, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from atlas.config import PromotionRule
from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.models.evidence import evidence_of
from atlas.models.findings import champions
from atlas.monitor.replay.schedules import Losses, best_schedule, gains, scheduled
from atlas.reproduce.preparing import copied_model
from atlas.reproduce.running import own_variables
from atlas.retraining.lineage import interval_of, lineage_of
from atlas.runner.events import ignore
from atlas.runner.local_run import LocalRun
from atlas.runner.run import run_all
from atlas.runner.settings import APART, RunSettings
from atlas.step.registering import registration_of
from atlas.store import ModelVersion, code_folder, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.config import MetricRule
    from atlas.monitor.life import ChampionLife
    from atlas.monitor.replay.replaying import Replay
    from atlas.plan import Plan
    from atlas.retraining.lineage import ChampionLineage
    from atlas.runner.events import Event
    from atlas.store import Run, Store

MOST = 4
"""Trainings in a replay, unless more are asked for: each is run, and scored on every later test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindsight:
    """What was found.

    Attributes:
        metric: ``step.metric``, by which the Config promotes.
        trained: names of the batches after which a model is trained.
        seconds: what each of these trainings took.
        rows: of each period: up to the first training, between trainings, after the last.
        values: of each model (the champion, then those that are trained), the metric in each
            period; None before it was trained.
        cost: of one training, as the metric summed over rows.
        schedules: ``never``, ``triggers`` and ``best`` → its ``trainings`` (names of batches), and
            its ``loss``, ``cost`` and ``total`` compared with never.
        gains: of each retraining of the triggers: ``batch``, ``triggers``, ``gain``, ``error``,
            ``cost``, ``verdict``.
    """

    metric: str
    trained: tuple[str, ...]
    seconds: tuple[float, ...]
    rows: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    cost: float
    schedules: dict[str, dict[str, Any]]
    gains: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def hindsight(
    life: ChampionLife,
    replayed: Replay,
    *,
    most: int = MOST,
    cost: float = 0.0,
    isolate: str = APART,
    listener: Callable[[Event], None] = ignore,
) -> Hindsight:
    """Train at times of the past, and compare schedules.

    Args:
        life: the champion's life.
        replayed: its replay over batches of the past, which says when triggers would have fired.
        most: how many trainings at most: after each batch at which a trigger would have fired, and
            others evenly between.
        cost: of one training, as the metric summed over rows.
        isolate: how steps are kept apart (`RunSettings.isolate`).
        listener: takes what runs tell.

    Raises:
        AtlasError: the champion can't be trained again, a training fails, or no metric compares
            models.
    """
    fired = _fired(replayed)
    places = _places(replayed.batches, [*fired], most)
    lineage = lineage_of(life.store, life.champion, life.monitored.pipeline)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="atlas-replay-")))
        own = open_store((folder / "store").as_uri())
        stack.enter_context(own_variables(own, folder / "state"))
        trials = _Trials(life, lineage, own, isolate, listener)
        for place in (*places, replayed.batches - 1):
            trials.at(place)
    return _found(life, trials, places, fired, cost)


def _fired(replayed: Replay) -> dict[int, list[str]]:
    """Return the places at which triggers would have fired under the Config's bounds."""
    found: dict[int, list[str]] = {}
    for one in replayed.replayed:
        if one.number and not one.bounds:
            found.setdefault(one.number - 1, []).append(one.trigger)
    return dict(sorted(found.items()))


def _places(batches: int, fired: Sequence[int], most: int) -> list[int]:
    """Return the places of the batches after which to train: never after the last one."""
    if batches < 2:  # noqa: PLR2004 - a training and what comes after it
        raise AtlasError(f"found {batches} batches, expected at least 2 to train between them")
    chosen = [place for place in fired if place < batches - 1][:most]
    left = most - len(chosen)
    between = [round((n + 1) * (batches - 1) / (left + 1)) - 1 for n in range(left)]
    return sorted({*chosen, *(place for place in between if 0 <= place < batches - 1)})


@dataclass
class _Trials:
    """The trainings, and what each model was worth at each test."""

    life: ChampionLife
    lineage: ChampionLineage
    store: Store
    isolate: str
    listener: Callable[[Event], None]
    models: list[ModelVersion] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    errors: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return self.lineage.plan

    @property
    def rule(self) -> PromotionRule:
        rule = PromotionRule.parse(self.plan.promotion)
        if rule is None:
            text = "its Config has no `promotion`, whose metric would say which model is better"
            raise AtlasError(f"{self.life.name}: {text}")
        return rule

    @property
    def metric(self) -> MetricRule:
        return self.rule.main

    def at(self, place: int) -> None:
        """Train after a batch, and measure every model so far on that training's test."""
        original = self.life.training
        if original is None or original.upstream:
            why = "the run that made it is gone" if original is None else "it read other runs"
            raise AtlasError(f"{self.life.name} can't be trained again in a replay: {why}")
        if not self.models:
            self.models.append(copied_model(self.life.store, self.store, self._champion))
        row: list[tuple[float, float]] = []
        for number, champion in enumerate(self.models):
            began = time.perf_counter()
            run = self._run(original, place, number, champion)
            self.seconds += [time.perf_counter() - began] if not number else []
            row.append(self._compared(run))
        parts = registration_of(self.store, self.plan, run).parts
        name = f"replay-{len(self.models)}"
        self.models.append(ModelVersion(self.life.champion.model, name, parts))
        self.losses.append([loss for loss, _ in row])
        self.errors.append([error for _, error in row])

    @property
    def _champion(self) -> ModelVersion:
        return self.life.champion.resolved()

    def _run(self, original: Run, place: int, number: int, champion: ModelVersion) -> Run:
        """Run the training with data up to a batch, beside one of the models so far."""
        record = self.life.records[place]
        end = record.interval_end or record.created
        window = self.life.monitored.rule.window_seconds
        start, end = interval_of(self.lineage, window, end)
        changed = self.life.monitored.rule.parameters_of("all")
        parameters = {**original.parameters, **changed}
        model = original.model and copied_model(self.life.store, self.store, original.model)
        run = replace(
            original,
            id=f"{original.flow}-replay-{place + 1}-{number}",
            interval_start=start,
            interval_end=end,
            parameters=parameters,
            champion=champion,
            model=model,
            created=end or original.created,
            round="",
            round_members=0,
        )
        self.store.add_plan(self.plan)
        self.store.bind(run)
        settings = RunSettings(isolate=self.isolate, resume=True, run=run.id, rehearsal=True)
        local = LocalRun(
            self.plan, code_folder(self.life.store, self.plan.code), self.store, settings
        )
        run_all([local], settings, self.listener)
        if not local.ok:
            errors = [f"{u.step}: {o.error}" for u, o in local.outcomes.items() if not o.ok]
            why = local.error or "; ".join(errors[:3]) or "it was interrupted"
            raise AtlasError(f"training with data up to {record.batch}: {why}")
        return run

    def _compared(self, run: Run) -> tuple[float, float]:
        """Return what the older model loses on the test, and the error of the difference."""
        metric = self.metric
        sign = 1.0 if metric.is_lower_better else -1.0
        evidence = evidence_of(self.store, self.plan, run, self.rule)
        pairs = evidence.pairs(metric.step)
        if pairs is not None and metric.name in pairs.challenger.columns:
            new, old = pairs.values(metric.name)
            off = old - new
            error = float(off.std(ddof=1)) / math.sqrt(len(off)) if len(off) > 1 else math.inf
            return sign * float(old.mean()), error
        value = evidence.metrics.get(f"{metric.step}.{champions(metric.name)}")
        if value is None:
            text = f"{metric.metric} isn't measured of the champion beside the new version"
            raise AtlasError(f"{self.life.name}: {text}; expected a step that is an Evaluator")
        return sign * float(value), 0.0


def _found(
    life: ChampionLife,
    trials: _Trials,
    places: list[int],
    fired: dict[int, list[str]],
    cost: float,
) -> Hindsight:
    batches = life.records
    ends = [*places, len(batches) - 1]
    begins = [0, *(place + 1 for place in places)]
    rows = [sum(r.rows for r in batches[a : b + 1]) for a, b in zip(begins, ends, strict=True)]
    models = range(len(ends))
    mean = [[_of(trials.losses, model, period) for period in models] for model in models]
    error = [[_of(trials.errors, model, period) for period in models] for model in models]
    losses = Losses(rows, mean, error)
    names = [batches[place].batch for place in places]
    own = [number for number, place in enumerate(places, start=1) if place in fired]
    never, ours = scheduled(losses, (), cost), scheduled(losses, own, cost)
    schedules = {"never": never, "triggers": ours, "best": best_schedule(losses, cost)}
    sign = 1.0 if trials.metric.is_lower_better else -1.0
    return Hindsight(
        metric=trials.metric.metric,
        trained=tuple(names),
        seconds=tuple(round(seconds, 3) for seconds in trials.seconds[: len(places)]),
        rows=tuple(rows),
        values=tuple(
            tuple(None if math.isnan(loss) else sign * loss for loss in row) for row in mean
        ),
        cost=cost,
        schedules={
            name: {
                "trainings": [names[number - 1] for number in one.trainings],
                "loss": one.loss - never.loss,
                "cost": one.cost,
                "total": one.total - never.total,
            }
            for name, one in schedules.items()
        },
        gains=tuple(
            {
                "batch": names[gain.training - 1],
                "triggers": fired[places[gain.training - 1]],
                "gain": gain.gain,
                "error": gain.error if math.isfinite(gain.error) else None,
                "cost": gain.cost,
                "verdict": gain.verdict,
            }
            for gain in gains(losses, ours)
        ),
    )


def _of(measured: list[list[float]], model: int, period: int) -> float:
    """Return what was measured of a model in a period; NaN before it was trained."""
    return measured[period][model] if model <= period else math.nan
