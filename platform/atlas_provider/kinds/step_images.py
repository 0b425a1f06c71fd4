"""The kind `StepImages`: images of steps that a deployment needs, kept in a registry by digest.

    <store>/deployments/images/<owner>.json   the images that a stack needs, and where they are

The file keeps `atlas images prune` from images whose deployment isn't recorded yet, lists for
`purge` what other stacks need, and is what an import starts from. An image is never built or
changed here: a missing one is an error, which says how to have it built again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from atlas.errors import PlatformError
from atlas.images import ImageRegistry, delete_image, host_at, present, require_there
from atlas.kinds import imports
from atlas.kinds.members import OptionalSecrets, Owner, Store
from atlas.kinds.parsing import Failure, parse_state
from atlas.kinds.properties import properties, to_plain
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas.store import open_location
from atlas.uris import path_of
from atlas.values import canonical

if TYPE_CHECKING:
    from atlas.kinds.protocol import OperationContext

_FOLDER = "deployments/images"
_PINNED = re.compile(r"[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}")


@properties
class StepImagesInputs:
    """Images of one Config's steps, all of which have to be in the registry, pinned by digest.

    Deleting keeps them in the registry, unless `purge` is set.
    """

    owner: Owner
    members: Annotated[
        Mapping[str, str],
        "Repository and digest of each image, `atlas/tumour/base@sha256:…`, by the image's name.",
    ]
    registry: Annotated[str, "URL of the registry."]
    store: Store
    secrets: OptionalSecrets = None
    credentials: Annotated[
        str | None,
        "Name of the registry's secret; without one, the standard files of container tools apply.",
    ] = None
    purge: Annotated[
        bool | None, "Whether deleting removes the images that no other stack needs."
    ] = None


@properties
class StepImagesOutputs:
    """Where the images are pulled from."""

    references: Annotated[Mapping[str, str], "Full reference of each image."]


_State = State[StepImagesInputs, StepImagesOutputs]


class StepImagesKind(Kind[StepImagesInputs, StepImagesOutputs]):
    """Handle the images of one Config's steps."""

    inputs = StepImagesInputs
    outputs = StepImagesOutputs

    def check(self, inputs: StepImagesInputs) -> list[Failure]:
        """Return the members that aren't pinned."""
        return [
            Failure("members", f"{name}: found '{pinned}'; expected REPOSITORY@sha256:DIGEST")
            for name, pinned in inputs.members.items()
            if not _PINNED.fullmatch(pinned)
        ]

    def preview(self, state: _State | None, inputs: StepImagesInputs | None) -> dict[str, Any]:
        """Return what the references will be."""
        return {"references": _outputs(inputs).references} if inputs else {}

    def create(
        self, inputs: StepImagesInputs, context: OperationContext
    ) -> tuple[str, StepImagesOutputs]:
        """Record the images, all of which have to be there."""
        return inputs.owner, _record(inputs)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the images that are there; all of them while the registry can't be asked."""
        pinned = state.inputs.members.values()
        try:
            there: Collection[str] = present(_registry(state.inputs), pinned)
        except PlatformError:
            there = pinned
        return _live(state.inputs, there)

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[StepImagesInputs, StepImagesOutputs]:
        """Return the images that an owner needs and that are there, by an id that says where.

        Raises:
            DeployError: it needs none there.
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        located = imports.located(identity, StepImagesInputs)
        places = {name: located[name] for name in ("store", "registry")}
        inputs = parse_state(StepImagesInputs, {**_recorded(located), **places})
        there = present(_registry(inputs), inputs.members.values())
        live = _live(inputs, there) if there else None
        if live is None:
            raise imports.nothing(identity, "image", inputs.registry)
        return FoundResource(inputs.owner, live)

    def update(
        self, identity: str, state: _State, inputs: StepImagesInputs, context: OperationContext
    ) -> StepImagesOutputs:
        """Record other images; those that aren't members any more stay in the registry."""
        return _record(inputs)

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Remove the record of the images; without `purge` they stay in the registry."""
        inputs = state.inputs
        if inputs.purge:
            _purge(inputs)
        open_location(inputs.store).remove(_key(inputs.owner))


def _live(inputs: StepImagesInputs, there: Collection[str]) -> _State | None:
    """Return the images that are there; None when none is."""
    members = {name: pinned for name, pinned in inputs.members.items() if pinned in there}
    if inputs.members and not members:
        return None
    live = replace(inputs, members=members)
    return State(live, _outputs(live))


def _record(inputs: StepImagesInputs) -> StepImagesOutputs:
    """Record the images that a stack needs, which have to be there.

    Raises:
        DeployError: I201, one of them isn't.
    """
    require_there(_registry(inputs), inputs.members.values())
    record = to_plain(replace(inputs, purge=None))
    open_location(inputs.store).write(_key(inputs.owner), canonical(record).encode())
    return _outputs(inputs)


def _outputs(inputs: StepImagesInputs) -> StepImagesOutputs:
    """Return the full reference of each image."""
    host = host_at(inputs.registry)
    references = {name: f"{host}/{pinned}" for name, pinned in inputs.members.items()}
    return StepImagesOutputs(references=references)


def _registry(inputs: StepImagesInputs) -> ImageRegistry:
    """Return the registry, with the platform's credentials or those of the standard files."""
    name = inputs.credentials
    secret = path_of(inputs.secrets or "") / f"{name}.json" if name else None
    return ImageRegistry.at(inputs.registry, secret)


def _key(owner: str) -> str:
    """Return the key of the record of what a stack needs."""
    return f"{_FOLDER}/{owner}.json"


def _recorded(located: Mapping[str, str]) -> dict[str, Any]:
    """Return the record of what a stack needs; nothing where there is none."""
    try:
        record = json.loads(open_location(located["store"]).read(_key(located["owner"])))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _purge(inputs: StepImagesInputs) -> None:
    """Delete the images that no other stack needs."""
    place = open_location(inputs.store)
    own = _key(inputs.owner)
    others = [entry.key for entry in place.entries(_FOLDER) if entry.key != own]
    needed = b"\n".join(place.read(key) for key in others).decode("utf-8", "replace")
    registry = _registry(inputs)
    for pinned in sorted(set(inputs.members.values())):
        repository, _, digest = pinned.partition("@")
        if digest not in needed:
            delete_image(registry, repository, digest)
