"""Pipelines with the model version pinned that a release gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas_deploy.releases.lock import LockedModel

INFERENCE = "inference"


def pinned(pipelines: Sequence[Pipeline], models: Mapping[str, LockedModel]) -> list[Pipeline]:
    """Return pipelines whose inference uses the version that is locked, and nothing else.

    The model is the locked one by its registered name, too: an environment with another prefix uses
    the version that was released, not one of a model of its own.

    Args:
        pipelines: as they were resolved.
        models: the model version by pipeline.
    """
    return [_pinned(pipeline, models.get(pipeline.name)) for pipeline in pipelines]


def _pinned(pipeline: Pipeline, model: LockedModel | None) -> Pipeline:
    if model is None or INFERENCE not in pipeline.plans:
        return pipeline
    plan = _with_version(pipeline.plans[INFERENCE], model)
    return replace(pipeline, plans={**pipeline.plans, INFERENCE: plan})


def _with_version(plan: Plan, model: LockedModel) -> Plan:
    if plan.model is None:
        return plan
    fixed = replace(plan.model, name=model.name, version=model.version, digest=model.digest)
    return replace(plan, model=fixed)


def digests(pipelines: Sequence[Pipeline]) -> dict[str, dict[str, str]]:
    """Return the digest of each Plan: pipeline → flow."""
    return {
        pipeline.name: {flow: plan.digest for flow, plan in pipeline.plans.items()}
        for pipeline in pipelines
    }


def reads_model(plan: Plan) -> bool:
    """Tell whether a step of a Plan reads a part of the model."""
    return any(source.kind == "model" for step in plan.steps for source in step.sources())
