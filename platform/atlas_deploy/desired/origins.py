"""What Plans are of: the commit that last changed their folder, for everything that is compiled.

It changes only with the folder: an edit elsewhere in the repository makes no compiled file another.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from atlas.git import commits_of
from atlas.git.addresses import repository_of, web_address
from atlas.targets import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from atlas.plan import Pipeline, Plan
    from atlas_deploy.releases.tags import Release


def origin_of(
    pipelines: Sequence[Pipeline], release: Release | None = None
) -> Callable[[Plan], Origin]:
    """Return what tells a Plan's commit, repository and release; git is asked once, when needed.

    Args:
        pipelines: the pipelines that the Plans are of.
        release: the release that is deployed, whose commit is theirs; None for none.
    """
    every = {plan.digest: pipeline for pipeline in pipelines for plan in pipeline.plans.values()}

    @cache
    def commits() -> dict[Path, str]:
        return commits_of({pipeline.folder for pipeline in every.values()})

    @cache
    def repository(root: Path) -> str:
        return web_address(repository_of(root))

    def origin(plan: Plan) -> Origin:
        pipeline = every[plan.digest]
        owner = pipeline.project.owner or pipeline.project.id
        commit = release.lock.commit if release else commits()[pipeline.folder]
        code = repository(pipeline.project.root) if commit else ""
        return Origin(commit, release.name if release else "", pipeline.description, owner, code)

    return origin
