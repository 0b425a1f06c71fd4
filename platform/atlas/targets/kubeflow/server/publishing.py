"""Compiled packages as versions of pipelines: found where they are, finished where half made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.targets.kubeflow.server.pipelines import (
    add_pipeline,
    add_version,
    pipelines,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.targets.kubeflow.server.api import Api
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion, ServerPipeline

_MARK = "Made by Atlas; each version is named by the sha256 of its package."
_STORE, _PLAN = "store: ", "plan: "


def publish(
    api: Api, store: str, packages: Mapping[str, tuple[str, bytes]], plans: Mapping[str, str]
) -> dict[str, PipelineVersion]:
    """Make sure that packages are there as versions, and return them by deployed name.

    Repeated after a kill, it finds what is there and adds what is missing. Nothing is deleted.

    Args:
        api: the server.
        store: URL of the artifact store that the pipelines work on.
        packages: digest and content by deployed name.
        plans: digest of the Plan by deployed name.

    Raises:
        DeployError: a name is taken by another pipeline, or a version has other content.
        PlatformError: the server doesn't answer, or refuses.
    """
    there = own_pipelines(api, store, packages)
    made = {}
    for name, (digest, content) in packages.items():
        if name in there:
            made[name] = _version(api, there[name], digest, content, plans[name])
        else:
            pipeline = _added(api, name, store)
            made[name] = add_version(api, pipeline, digest, content, _describe(plans[name]))
    return made


def own_pipelines(api: Api, store: str, names: Iterable[str]) -> dict[str, ServerPipeline]:
    """Return those of some pipelines that there are, all of which must be ours.

    Raises:
        DeployError: one isn't Atlas's, or works on another store.
    """
    there = pipelines(api, names)
    for pipeline in there.values():
        _require_own(api, pipeline, store)
    return there


def found_pipelines(
    api: Api, store: str, names: Iterable[str]
) -> tuple[dict[str, ServerPipeline], dict[str, ServerPipeline]]:
    """Return those of some pipelines that are ours, and those that are others', by name."""
    there = pipelines(api, names)
    ours = {name: pipeline for name, pipeline in there.items() if _is_own(pipeline, store)}
    return ours, {name: pipeline for name, pipeline in there.items() if name not in ours}


def _is_own(pipeline: ServerPipeline, store: str) -> bool:
    """Tell whether Atlas has made a pipeline, for this store."""
    return {_MARK, f"{_STORE}{store}"} <= {*pipeline.description.splitlines()}


def _describe(plan: str) -> str:
    """Return a version's description, from which `plan_of` reads."""
    return f"{_PLAN}{plan}"


def plan_of(version: PipelineVersion) -> str:
    """Return the digest of the Plan that a version's description names; empty for none."""
    lines = version.description.splitlines()
    plans = (line.removeprefix(_PLAN) for line in lines if line.startswith(_PLAN))
    return next(plans, "")


def _added(api: Api, name: str, store: str) -> ServerPipeline:
    """Add a pipeline; who else has just added it must be Atlas on this store."""
    pipeline = add_pipeline(api, name, f"{_MARK}\n{_STORE}{store}")
    _require_own(api, pipeline, store)
    return pipeline


def _require_own(api: Api, pipeline: ServerPipeline, store: str) -> None:
    """Refuse a pipeline of others.

    Raises:
        DeployError: it isn't Atlas's, or works on another store.
    """
    lines = pipeline.description.splitlines()
    if _MARK not in lines:
        raise DeployError(
            f"{pipeline.name}: Kubeflow at {api.url} has a pipeline of this name that Atlas didn't "
            "make; rename or delete that one, or give this pipeline another name or the "
            "environment a prefix"
        )
    if f"{_STORE}{store}" not in lines:
        other = next((line for line in lines if line.startswith(_STORE)), f"{_STORE}unknown")
        raise DeployError(
            f"{pipeline.name}: Kubeflow at {api.url} has this pipeline from a platform on another "
            f"store ({other.removeprefix(_STORE)}, expected {store}); give this environment a "
            "prefix, or destroy that deployment first"
        )


def _version(
    api: Api, pipeline: ServerPipeline, digest: str, content: bytes, plan: str
) -> PipelineVersion:
    """Return the version of a digest; add it if it isn't there.

    Raises:
        DeployError: it is there with other content.
    """
    existing = versions(api, pipeline, digest)
    if not existing:
        return add_version(api, pipeline, digest, content, _describe(plan))
    version = existing[0]
    if plan_of(version) != plan and not _is_content(version, content):
        raise DeployError(
            f"{pipeline.name}: Kubeflow at {api.url} has version {version.name} with other "
            "content, which Atlas didn't upload; delete that version there, and repeat"
        )
    return version


def _is_content(version: PipelineVersion, content: bytes) -> bool:
    """Tell whether a version's content is a package's, however it is written."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = [*yaml.load_all(content, Loader=loader)]
    given: dict[str, Any] = documents[0] if documents else {}
    more = [document for document in documents[1:] if document]
    whole = {"pipeline_spec": given, "platform_spec": more[0]} if more else given
    return version.spec in (whole, given)
