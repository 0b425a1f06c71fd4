"""Pipelines on an API server, and their versions, which are named by their content's digest."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.dataclass import dataclass
from atlas.errors import DeployError
from atlas.http.answers import optional, pick
from atlas.targets.kubeflow.server.api import contains

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.targets.kubeflow.server.api import Api

_TRIES = 4
"""Names that a version may take; an upload that the server broke off keeps one for ever."""
_PAUSES = (0.0, 0.2, 1.0)
"""Seconds before each look for the version of a name that is taken: it may be coming into being."""


@dataclass(frozen=True, slots=True)
class ServerPipeline:
    """A pipeline: a name that versions are added to.

    Attributes:
        id: Kubeflow's id of it.
        name: its name, which never changes; since 2.14 pages show another, the display name.
        description: what whoever made it wrote.
    """

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """A version of a pipeline, which never changes.

    Attributes:
        id: Kubeflow's id of it.
        pipeline: Kubeflow's id of its pipeline.
        name: its name.
        description: what whoever uploaded it wrote.
        created: when it was uploaded, ISO 8601.
        spec: its content, as Kubeflow gives it.
    """

    id: str
    pipeline: str
    name: str
    description: str
    created: str
    spec: Mapping[str, Any]

    @property
    def ids(self) -> dict[str, str]:
        """Kubeflow's ids of its pipeline and of it, by the names of `atlas.store.orchestrated`."""
        return {"kubeflow.pipeline": self.pipeline, "kubeflow.version": self.id}

    @property
    def digest(self) -> str:
        """The digest that it is named by; empty for a version of another name."""
        head = self.name.partition("-")[0]
        return head if len(head) == 64 else ""  # noqa: PLR2004 - sha256


def pipelines(api: Api, names: Iterable[str]) -> dict[str, ServerPipeline]:
    """Return those of some pipelines that there are, by list."""
    chosen = set(names)
    query = {**_of(api), **contains("name", os.path.commonprefix([*chosen]))}  # noqa: RUF071
    raws = api.items("pipelines", "pipelines", query) if chosen else ()
    candidates = (_pipeline(raw) for raw in raws)
    return {pipeline.name: pipeline for pipeline in candidates if pipeline.name in chosen}


def add_pipeline(api: Api, name: str, description: str) -> ServerPipeline:
    """Add a pipeline without versions, or return the one that has the name by now.

    Raises:
        DeployError: the name is taken, and not by a pipeline that can be seen.
    """
    body = {"display_name": name, "name": name, "description": description, **_of(api)}
    made = api.create("pipelines", body, bears_repeat=True)
    if made is not None:
        return _pipeline(made)
    there = pipelines(api, [name])
    if name not in there:
        raise DeployError(
            f"{name}: Kubeflow at {api.url} has this name for another pipeline, that isn't listed "
            "(upper and lower case count as one there); give this one another name, or the "
            "environment a prefix"
        )
    return there[name]


def delete_pipeline(api: Api, pipeline: ServerPipeline) -> None:
    """Delete a pipeline that has no version."""
    api.delete(f"pipelines/{quote(pipeline.id)}")


def versions(api: Api, pipeline: ServerPipeline, digest: str = "") -> list[PipelineVersion]:
    """Return a pipeline's versions, or those that are named by a digest."""
    path = f"pipelines/{quote(pipeline.id)}/versions"
    raws = api.items(path, "pipeline_versions", contains("name", digest))
    return [_version(raw) for raw in raws]


def add_version(
    api: Api, pipeline: ServerPipeline, digest: str, content: bytes, description: str
) -> PipelineVersion:
    """Add a version, or return the one that has the digest by now.

    Raises:
        DeployError: the server keeps every name that it could have.
    """
    for attempt in range(_TRIES):
        name = digest if not attempt else f"{digest}-{attempt + 1}"
        query = {"name": name, "pipelineid": pipeline.id, "description": description}
        made = api.upload(query, content)
        if made is not None:
            return _version(made)
        there = _appearing(api, pipeline, digest)
        if there is not None:
            return there
    raise DeployError(
        f"{pipeline.name}: Kubeflow at {api.url} has uploads of this version that it broke off, "
        "and lists none; delete the pipeline there, and repeat"
    )


def _appearing(api: Api, pipeline: ServerPipeline, digest: str) -> PipelineVersion | None:
    """Return the version whose name is taken; None where an upload that was broken off has it.

    A version that another process is uploading has its name before it is listed.
    """
    for pause in _PAUSES:
        time.sleep(pause)
        there = versions(api, pipeline, digest)
        if there:
            return there[0]
    return None


def delete_version(api: Api, version: PipelineVersion) -> None:
    """Delete a version."""
    api.delete(f"pipelines/{quote(version.pipeline)}/versions/{quote(version.id)}")


def _of(api: Api) -> dict[str, str]:
    return {"namespace": api.namespace} if api.namespace else {}


def _pipeline(raw: Mapping[str, Any]) -> ServerPipeline:
    where = "kubeflow: pipeline"
    identity = pick(raw, "pipeline_id", str, where)
    return ServerPipeline(identity, _name(raw, where), optional(raw, "description", "", where))


def _version(raw: Mapping[str, Any]) -> PipelineVersion:
    where = "kubeflow: pipeline version"
    return PipelineVersion(
        pick(raw, "pipeline_version_id", str, where),
        pick(raw, "pipeline_id", str, where),
        _name(raw, where),
        optional(raw, "description", "", where),
        pick(raw, "created_at", str, where),
        optional(raw, "pipeline_spec", {}, where),
    )


def _name(raw: Mapping[str, Any], where: str) -> str:
    """Return the name that nobody can change; before 2.14 there is only what is shown."""
    return optional(raw, "name", "", where) or pick(raw, "display_name", str, where)
