"""Which pipelines differ from what an earlier commit has: those are built and deployed again.

Plans are compared, not files: a Plan's digest covers the code of its steps, its Recipe, wherever
that is shared from, its parameters, data and images, and what the Environment gives it. What a
pipeline is deployed with besides is compared as it stands. So a change of a shared Recipe counts
for every pipeline that it changes, and a change of a README for none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, DeployError, clean
from atlas.git.asking import git
from atlas.git.repository import checkout_at
from atlas.load.projects import project_at
from atlas.plan import resolve
from atlas_deploy.operations.pinning import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from atlas.environment import Project
    from atlas.plan import Pipeline

_NOTHING = re.compile("0{40}|0{64}")
Fingerprint = tuple[object, ...]


def changed_since(path: Path, environment: str, revision: str) -> list[Pipeline]:
    """Return the pipelines under a path that are new or differ since a commit.

    Args:
        path: a Config, a pipeline or a folder, in a project that is in git.
        environment: the Environment's name.
        revision: the commit, as git names one: an id, a branch, a tag, ``HEAD~1``;
            zeros alone, by which CI systems mean that nothing was there before.

    Raises:
        InvalidError: the pipelines have Problems.
        DeployError: the project isn't in git, which has no such commit, or its files can't be read.
    """
    project = project_at(path)
    now = resolve(path, environment=environment)
    if _NOTHING.fullmatch(revision):
        return list(now)
    before = _before(project, environment, revision)
    return [pipeline for pipeline in now if before.get(pipeline.name) != _fingerprint(pipeline)]


def _before(project: Project, environment: str, revision: str) -> dict[str, Fingerprint]:
    """Return the fingerprints of a project's pipelines at a commit."""
    checkout = checkout_at(project.root)
    if checkout is None:
        raise DeployError(f"{project.root}: no changes to tell: the project isn't in git")
    words = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = (git(project.root, "rev-parse", *words, codes=(0, 1)) or b"").decode().strip()
    if not commit:
        raise DeployError(
            f"--changed-since: git has no commit '{clean(revision)}' here; expected one that this "
            "clone has (a shallow clone has few: fetch more of it)"
        )
    with tree_of(project, checkout.top, commit, checkout.inside) as tree:
        return _fingerprints(tree, environment)


def _fingerprints(tree: Path, environment: str) -> dict[str, Fingerprint]:
    """Return those of the pipelines in a folder; none where they had Problems then."""
    try:
        pipelines: Iterable[Pipeline] = resolve(tree, environment=environment)
    except AtlasError:
        return {}
    return {pipeline.name: _fingerprint(pipeline) for pipeline in pipelines}


def _fingerprint(pipeline: Pipeline) -> Fingerprint:
    """Return what decides whether a pipeline is the same: its Plans, and what goes with them."""
    plans = sorted((flow, plan.digest) for flow, plan in pipeline.plans.items())
    return (*plans, repr(pipeline.alerts), repr(pipeline.retraining), pipeline.description)
