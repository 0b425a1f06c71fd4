"""Promoting what was trained before: the version of a run, or those of a whole family's runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, clean
from atlas.models.champions import Champions
from atlas.models.promotion import Candidate, preview, promote
from atlas.step.carding import carded
from atlas.step.family import promoted, record_promotion
from atlas.step.finish import finished_run
from atlas.step.outcome import DONE
from atlas.step.registering import judge_of, mirror, registration_of
from atlas.step.upstream import latest_key
from atlas.store.keys import is_run_id
from atlas.tracking.registry import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.models.promotion import Promotion
    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.tracking.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A training run that has made a model, and the Plan by whose rule it is judged now.

    Attributes:
        plan: the pipeline's training Plan, as the Config has it now.
        run: the run.
        made_by: the Plan of the run.
    """

    plan: Plan
    run: Run
    made_by: Plan

    @property
    def model(self) -> str:
        """The registered name."""
        assert self.plan.model is not None  # noqa: S101  (`trained_model` has looked; for mypy)
        return self.plan.model.name


@dataclass(frozen=True, slots=True)
class PromotedModel:
    """What became of one model.

    Attributes:
        pipeline: the pipeline's name.
        model: the registered name.
        run: the training run's id.
        version: the version's number; empty where it isn't registered yet.
        promotion: what became of it.
        warnings: what somebody should know.
    """

    pipeline: str
    model: str
    run: str
    version: str
    promotion: Promotion
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        names = ("pipeline", "model", "run", "version")
        outcome = self.promotion
        return {
            **{name: getattr(self, name) for name in names},
            "promoted": outcome.promoted,
            "reason": outcome.reason,
            "previous": outcome.previous,
            "warnings": list(self.warnings),
        }


def trained_model(store: Store, plan: Plan, *, run: str = "") -> TrainedModel:
    """Return the training run whose version is to be promoted.

    Args:
        store: the artifact store.
        plan: the pipeline's training Plan.
        run: id of the run; empty for the latest successful one.

    Raises:
        AtlasError: there is no such run, or it isn't done.
    """
    if plan.model is None or not plan.model.parts:
        raise AtlasError(f"{plan.name}: makes no model; expected model.from in its Config")
    if run and not is_run_id(run):
        text = f"--run: {clean(run, 80)!r} is not the id of a run"
        raise AtlasError(f"{text}; {command('runs')} lists the ids")
    chosen = run or _latest(store, plan)
    training_run = store.run(plan.name, chosen)
    finished = finished_run(store, training_run)
    if training_run.flow != plan.flow or finished is None or finished.status != DONE:
        state = finished.status if finished else "not over"
        text = f"run {chosen} is {state}, and of flow {training_run.flow}"
        raise AtlasError(f"{plan.name}: {text}; expected a training run that is done")
    return TrainedModel(plan, training_run, store.plan(training_run.plan))


def promote_trained(
    store: Store, registry: ModelRegistry, models: Sequence[TrainedModel], *, dry_run: bool = False
) -> list[PromotedModel]:
    """Promote the versions of some runs: all of them, or none.

    Args:
        store: the artifact store.
        registry: where the models are registered.
        models: one run for each model.
        dry_run: whether to tell only what would become of them; nothing is changed.

    Raises:
        PlatformError: the registry doesn't answer, or another process promotes for too long.
    """
    versions = [_version(store, registry, trained, dry_run=dry_run) for trained in models]
    candidates = [
        Candidate(
            Champions(store, registry, trained.model),
            version,
            judge_of(store, trained.plan, trained.run, made_by=trained.made_by, spend=not dry_run),
        )
        for trained, version in zip(models, versions, strict=True)
    ]
    outcomes = preview(candidates) if dry_run else promote(candidates)
    results = [
        PromotedModel(trained.plan.name, trained.model, trained.run.id, version, outcome)
        for trained, version, outcome in zip(models, versions, outcomes, strict=True)
    ]
    if dry_run:
        return results
    told = []
    for trained, result in zip(models, results, strict=True):
        record_promotion(store, trained.run, result.promotion)
        told.append(promoted(store, trained.plan, trained.run, result.promotion))
        if registry.kind != "store":
            registration = registration_of(store, trained.made_by, trained.run)
            mirror(store, registration, result.version, result.promotion)
    judged = zip(candidates, models, results, told, strict=True)
    return [
        replace(result, warnings=(*carded(candidate.champions, trained.plan, result.version), *own))
        for candidate, trained, result, own in judged
    ]


def _version(store: Store, registry: ModelRegistry, trained: TrainedModel, *, dry_run: bool) -> str:
    """Return the number of a run's version, which is registered if it wasn't."""
    finished = finished_run(store, trained.run)
    known = finished.version if finished else ""
    version = registry.find(trained.model, known) if known else None
    registration = registration_of(store, trained.made_by, trained.run)
    if version is not None and version.tags.get(PARTS) == registration.all_tags()[PARTS]:
        return known
    if dry_run:
        return ""
    return registry.register(registration, finished.tracked if finished else "")


def _latest(store: Store, plan: Plan) -> str:
    """Return the latest successful training run."""
    try:
        return str(json.loads(store.location.read(latest_key(plan.name, plan.flow)))["run"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise AtlasError(f"{plan.name}: {_NO_RUN.format(command=command('train'))}") from None


_NO_RUN = "no training run of it is done; start one by {command}"
