"""Deploying releases: planned from git alone, compared with the lock, and nothing but that."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, DeployError
from atlas.git import remote as remotes
from atlas.git import repository
from atlas.load import load_environment
from atlas.load.paths import shown
from atlas.load.projects import project_at
from atlas.plan import resolve
from atlas.tracking.registry import CHAMPION
from atlas_deploy.desired.deployment import Deployment, deployments
from atlas_deploy.operations.agreement import differs, require_agreement, require_platform
from atlas_deploy.operations.pinning import tree_of
from atlas_deploy.releases import pins, signing
from atlas_deploy.releases.tags import (
    TAGS,
    full_name,
    parse_tag,
    parsed_name,
    read,
    read_tag,
    tags_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas.environment import Project
    from atlas.git.repository import Checkout
    from atlas.plan import Pipeline
    from atlas_deploy.apply.options import Say
    from atlas_deploy.releases.tags import Release


@dataclass(frozen=True, slots=True)
class ReleasedDeployment:
    """A release, planned for an Environment and found to be what its lock says.

    Attributes:
        release: the release.
        deployment: what is to be deployed.
        followed: pipeline → registered model, where the Config follows the champion.
        signer: whose signature the release has, where the Environment demands one.
    """

    release: Release
    deployment: Deployment
    followed: Mapping[str, str]
    signer: str = ""


@contextmanager
def opened(path: Path, environment: str, name: str, say: Say) -> Iterator[ReleasedDeployment]:
    """Give a release as a deployment, for as long as the context lasts.

    Args:
        path: a path in a checkout of the project, whose repository has the release.
        environment: name of the Environment.
        name: the release.
        say: takes a line of progress.

    Raises:
        DeployError: L001, L004 and L006 to L016, the release can't be deployed from here.
        InvalidError: its pipelines aren't right in this Environment.
        PlatformError: the platform is missing or down.
    """
    project = project_at(path)
    checkout = repository.checkout_at(project.root)
    if checkout is None:
        raise DeployError(
            f"{shown(project.root)}: git has no repository here, and releases are in it; expected "
            "a clone of the project",
            code="L001",
        )
    release = find(checkout, name, say)
    lock = release.lock
    _require_commit(checkout, release)
    with tree_of(project, checkout.top, lock.commit, lock.project) as tree:
        file = tree / lock.path
        if not file.is_file():
            raise differs(release, [f"Config: the commit has no {lock.path}"])
        pipelines = resolve(file, environment=environment)
        signer = _signer(project, checkout, pipelines[0], release)
        followed = _followed(pipelines)
        deployment = _deployment(project, tree, release, pins.pinned(pipelines, lock.models))
        require_agreement(release, environment, deployment.pipelines)
        require_platform(release, deployment)
        yield ReleasedDeployment(release, deployment, followed, signer)


@contextmanager
def deployments_of(
    path: Path, environment: str, release: str, say: Say
) -> Iterator[Sequence[Deployment]]:
    """Give the deployments of a PATH: those of the documents on disk, or that of a release.

    Args:
        path: what is deployed, or a path in a checkout of its project.
        environment: name of the Environment.
        release: the release; empty for the documents on disk.
        say: takes a line of progress.

    Raises:
        DeployError: L014, the Environment takes only releases; or as `opened`.
    """
    if not release:
        yield deployments(path, environment)
        return
    with opened(path, environment, release, say) as released:
        yield [released.deployment]


def find(checkout: Checkout, name: str, say: Say) -> Release:
    """Return a release, which is fetched where this repository hasn't got it.

    Raises:
        DeployError: L006, its tag was moved; L007 to L009, there is none; L010, it can't be
            fetched.
    """
    name, top = full_name(name), checkout.top
    remote = remotes.remote_of(top, checkout.branch)
    here = tags_of(top).get(name, "")
    if remote is None or parsed_name(name) is None:
        return read(top, name)
    ref = f"{TAGS}{name.removeprefix('release/')}"
    answer = remotes.remote_refs(top, remote, [ref])
    if not answer.ok and here:
        say(f"{name}: {remote.name} can't be asked whether it has the same ({answer.error})")
        return read(top, name)
    there = remotes.parsed_refs(answer).get(ref, "")
    if here and there and here != there:
        raise DeployError(
            f"tag {name}: was moved: found {here[:12]} here and {there[:12]} on {remote.name}, "
            f"expected the same; `git tag --delete {name}` and `git fetch --tags` take the "
            "remote's",
            code="L006",
        )
    if here or not there:
        return read(top, name)
    fetched = remotes.fetch(top, remote, [ref])
    if not fetched.ok:
        raise DeployError(
            f"{remote.name}: tag {name} can't be fetched: {fetched.error}; `git fetch --tags` "
            "fetches it with your own settings",
            code="L010",
        )
    return read_tag(top, name, there)


def _require_commit(checkout: Checkout, release: Release) -> None:
    commit = release.lock.commit
    if not repository.has_commit(checkout.top, commit):
        raise DeployError(
            f"{release.name}: this clone hasn't got commit {commit[:12]}, which is released; it is "
            "shallow, or a partial one; `git fetch --unshallow` fetches the rest",
            code="L004",
        )


def _signer(project: Project, checkout: Checkout, pipeline: Pipeline, release: Release) -> str:
    """Return who signed, where the Environment demands it: as it is released, or as it is here."""
    demands = [pipeline.environment.signed]
    with suppress(AtlasError):
        demands.append(load_environment(project, pipeline.environment.name).signed)
    if not any(demands):
        return ""
    text = parse_tag(checkout.top, release.name, release.tag)
    return signing.verify(release.name, text, checkout.top)


def _followed(pipelines: Sequence[Pipeline]) -> dict[str, str]:
    plans = {pipeline.name: pipeline.plans.get(pins.INFERENCE) for pipeline in pipelines}
    return {
        name: plan.model.name
        for name, plan in plans.items()
        if plan is not None and plan.model is not None and plan.model.version == CHAMPION
    }


def _deployment(
    project: Project, tree: Path, release: Release, pipelines: Sequence[Pipeline]
) -> Deployment:
    """Return the deployment: the released files, and the project's place on this machine.

    Data in the project's folder, the state folder and the project's id are the checkout's.
    """
    first = pipelines[0]
    outputs = first.environment.outputs
    environment = replace(first.environment, outputs=str(tree / outputs) if outputs else "")
    own = replace(first.project, root=project.root, state=project.state)
    placed = [replace(entry, project=own, environment=environment) for entry in pipelines]
    return Deployment(first.config, environment, own, placed, release)
