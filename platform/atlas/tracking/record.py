"""A run as MLflow records it: all of it read from the store, so that nothing else can be lost."""

from __future__ import annotations

import json
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.tracking.figures import figures_of
from atlas.tracking.inputs import inputs_of
from atlas.tracking.trials import is_of_search, search_pages, search_params

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.masking import Mask
    from atlas.plan import Plan
    from atlas.store import Run, Store

SKIPPED = "skipped"
"""Status of a step that a run has done without, as its outcome has it."""
DIRTY = "-dirty"
"""Behind a commit: a file of the pipeline's folder wasn't as it was committed."""
FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"
"""How a run ended, in MLflow's words."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as MLflow keeps it; times in milliseconds since 1970.

    Attributes:
        experiment: name of the experiment: the Config, with the Environment's prefix.
        name: the run's name.
        status: ``FINISHED``, ``FAILED`` or ``KILLED``.
        params: name → value, as text.
        metrics: ``step.metric`` → value and time.
        tags: what the run is made from.
        artifacts: name → content.
        inputs: the data sets that it has read, as ``runs/log-inputs`` takes them.
    """

    experiment: str
    name: str
    status: str
    started: int
    ended: int
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    inputs: Sequence[Mapping[str, Any]] = ()

    def masked(self, mask: Mask) -> RunRecord:
        """Return the record without secrets; its artifacts were written without them."""
        if not mask:
            return self
        return replace(
            self,
            params=mask.plain(dict(self.params)),
            metrics={mask.text(name): value for name, value in self.metrics.items()},
            tags=mask.plain(dict(self.tags)),
            inputs=mask.plain(list(self.inputs)),
        )


def record_of(store: Store, plan: Plan, run: Run) -> RunRecord:
    """Read a run's record from the store."""
    outcomes = dict(outcomes_of(store, plan, run))
    own = {name: one for name, one in outcomes.items() if not _is_of_search(plan, name)}
    started = _millis(run.created)
    ends = [_millis(outcome["ended"]) for outcome in outcomes.values() if outcome.get("ended")]
    return RunRecord(
        experiment=experiment_of(plan),
        name=run.id if plan.pipeline == plan.config else f"{plan.pipeline} {run.id}",
        status=_status(store, run),
        started=started,
        ended=max([started, *ends]),
        params=params_of(plan, run),
        metrics=_metrics(own),
        tags={**tags_of(plan, run), **source_tags(plan, run)},
        artifacts={
            "artifacts.json": _artifacts(outcomes),
            **_report(store, run),
            **search_pages(store, plan, run),
            **figures_of(store, run, outcomes),
        },
        inputs=inputs_of(plan, outcomes),
    )


def family_record(member: RunRecord, name: str) -> RunRecord:
    """Return the record of the run that the members of a family are nested in."""
    tags = {"atlas.run": name, "atlas.pipeline": member.experiment, "atlas.family": "true"}
    return RunRecord(member.experiment, name, FINISHED, member.started, member.ended, tags=tags)


def experiment_of(plan: Plan) -> str:
    """Return the experiment that a Plan's runs are in; the members of a family share one."""
    return f"{plan.name.removesuffix(plan.pipeline)}{plan.config}"


def outcomes_of(store: Store, plan: Plan, run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the recorded outcomes of a run's steps, each key of a ``foreach`` one by one."""
    for step in plan.steps:
        if step.foreach is None:
            outcome = store.outcome(run.pipeline, run.id, step.name)
            if outcome:
                yield step.name, outcome
            continue
        names = store.location.names(f"{run.pipeline}/{run.id}/{step.name}")
        indexes = [int(name) for name in names if name.isdigit()]
        whole = None if indexes else store.outcome(run.pipeline, run.id, step.name)
        if whole and whole.get("status") == SKIPPED:
            yield step.name, whole
        for index in indexes:
            outcome = store.outcome(run.pipeline, run.id, step.name, index)
            if outcome:
                yield f"{step.name}.{index}", outcome


def metrics_of(store: Store, plan: Plan, run: Run) -> dict[str, float]:
    """Return a run's metrics: ``step.metric`` → value."""
    outcomes = outcomes_of(store, plan, run)
    return {
        f"{step}.{name}": value
        for step, outcome in outcomes
        for name, value in _own(outcome).items()
    }


def tags_of(plan: Plan, run: Run) -> dict[str, str]:
    """Return what a run, and a model that it trains, is made from."""
    tags = {
        "run": run.id,
        "pipeline": run.pipeline,
        "flow": run.flow,
        "trigger": run.trigger,
        "environment": plan.environment,
        "commit": run.commit,
        "digest.plan": plan.digest,
        "digest.code": plan.code,
        **{f"digest.{name}": digest for name, digest in plan.digests.items()},
        **{f"axis.{axis}": value for axis, value in plan.axes.items()},
        "interval.start": run.interval_start,
        "interval.end": run.interval_end,
        "model": f"{run.model.name}/{run.model.version}" if run.model else "",
    }
    return {f"atlas.{name}": value for name, value in tags.items() if value}


def source_tags(plan: Plan, run: Run) -> dict[str, str]:
    """Return MLflow's own tags of what a run's code is: its pipeline, where it ran, its commit."""
    commit = run.commit.removesuffix(DIRTY)
    dirty = str(run.commit.endswith(DIRTY)).lower() if commit else ""
    tags = {
        "name": plan.pipeline,
        "type": "LOCAL" if run.target in ("", "local") else "JOB",
        "git.commit": commit,
        "git.dirty": dirty,
        "git.repoURL": run.repository,
    }
    return {f"mlflow.source.{name}": value for name, value in tags.items() if value}


def _is_of_search(plan: Plan, unit: str) -> bool:
    """Tell whether a unit, which is a step or one key of it, only serves a search."""
    step = unit if unit in plan.by_name else unit.rpartition(".")[0]
    return is_of_search(plan, step)


def _status(store: Store, run: Run) -> str:
    outcome = store.run_outcome(run.pipeline, run.id)
    if outcome is None:
        return KILLED
    return FAILED if outcome.get("status") == "failed" else FINISHED


def params_of(plan: Plan, run: Run) -> dict[str, str]:
    """Return the run's parameters and the params that steps are given as literals."""
    params = {name: _text(value) for name, value in run.parameters.items()}
    params |= search_params(plan)
    for step in plan.steps:
        if is_of_search(plan, step.name):
            continue
        literals = {n: v.value for n, v in step.params.items() if v.kind == "value"}
        params |= {f"{step.name}.{name}": _text(value) for name, value in literals.items()}
    return params


def _metrics(outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, int]]:
    """Return the metrics of steps, their seconds, and the few statistics that are worth a plot."""
    return {
        name: (value, _millis(outcome["ended"]))
        for step, outcome in outcomes.items()
        for name, value in {
            **{f"{step}.{name}": value for name, value in _own(outcome).items()},
            f"{step}.seconds": outcome.get("seconds", 0.0),
            **_means(outcome.get("statistics", {})),
        }.items()
    }


def _means(statistics: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean of each column and how much of it is missing; MLflow gets nothing else."""
    return {
        f"{kind}/{column}.{name}": float(value)
        for kind in ("features", "predictions")
        for column, facts in statistics.get(kind, {}).items()
        for name, value in (("mean", facts.get("mean")), ("missing", facts["missing"]))
        if value is not None
    }


def _own(outcome: Mapping[str, Any]) -> Mapping[str, float]:
    metrics: Mapping[str, float] = outcome.get("metrics", {})
    return metrics


def _artifacts(outcomes: Mapping[str, Mapping[str, Any]]) -> bytes:
    digests = {step: outcome.get("outputs", {}) for step, outcome in outcomes.items()}
    return json.dumps(digests, indent=2, sort_keys=True).encode()


def _report(store: Store, run: Run) -> dict[str, bytes]:
    try:
        return {"report.html": store.location.read(f"{run.pipeline}/{run.id}/report.html")}
    except FileNotFoundError:
        return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _millis(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
