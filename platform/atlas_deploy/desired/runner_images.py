"""The images that `atlas run --isolate image` runs steps in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.containers import need_engine
from atlas.images import (
    desired_images,
    ensure_images,
    in_engine,
    lock_images,
    raise_failures,
    used_images,
)
from atlas.runner.containers import Images
from atlas_deploy.desired.images import builder_of, storage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.plan import Pipeline


def runner_images(pipelines: Sequence[Pipeline], say: Callable[[str], None]) -> Images:
    """Return the images that steps of pipelines run in, built where the engine hasn't got them.

    Args:
        pipelines: whose steps.
        say: takes a line of progress.

    Raises:
        PlatformError: there is no container engine.
        DeployError: an image can't be built.
    """
    project = pipelines[0].project
    storage = storage_of(pipelines)
    engine = need_engine(project.state)
    lock_images(pipelines, say, upgrade=False)
    outcomes = ensure_images(
        desired_images(pipelines, monitors=False),
        state=project.state,
        store=storage.store,
        registry=None,
        builder=builder_of(storage, engine.name),
        say=say,
    )
    raise_failures(outcomes)
    plans = [(plan, pipeline.folder) for pipeline in pipelines for plan in pipeline.plans.values()]
    return Images(
        engine,
        {
            (plan.digest, name): in_engine(plan, name, where)
            for plan, where in plans
            for name in used_images(plan)
        },
    )
