"""The kind `StepImages`: images of steps that a deployment needs, held in a registry by digest.

    <store>/deployments/images/<owner>.json   the images that a stack holds, and where they are

The file keeps `atlas images prune` from images whose deployment isn't recorded yet, tells `purge`
what another stack needs, and is what an import starts from. An image is never built or changed
here: one that is gone is an error, which says how to have it built again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.images import ImageRegistry, delete_image, host_at, present, require_there
from atlas.kinds import imports
from atlas.kinds.members import OWNER, STORE, members_property
from atlas.kinds.protocol import Diff, Failure, Live, Property, Schema, compare, has_unknown
from atlas.store import open_location
from atlas.uris import path_of
from atlas.values import canonical

if TYPE_CHECKING:
    from atlas.kinds.protocol import Context, Plain

_FOLDER = "deployments/images"
_PINNED = re.compile(r"[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}")


class StepImages:
    """Handle the images of one Config's steps."""

    schema = Schema(
        description="Images of steps in a registry, each pinned by digest; deleting keeps them.",
        inputs={
            "owner": OWNER,
            "members": members_property("Repository and digest of each image, by its name."),
            "registry": Property(
                type="string", required=True, description="URL of the registry, from here."
            ),
            "store": STORE,
            "secrets": Property(type="string", description="URL of the folder of secrets."),
            "credentials": Property(
                type="string",
                description="Name of the registry's secret; without one, the standard files hold.",
            ),
            "purge": Property(
                type="boolean",
                description="Whether deleting removes the images that no other stack holds.",
            ),
        },
        outputs={
            "references": Property(
                type="string{}", required=True, description="Full reference of each image."
            ),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return the members that aren't pinned."""
        known = {} if has_unknown(inputs) else inputs["members"]
        return [
            Failure("members", f"{name}: found '{pinned}'; expected REPOSITORY@sha256:DIGEST")
            for name, pinned in known.items()
            if not _PINNED.fullmatch(pinned)
        ]

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs, member by member."""
        return Diff(compare(self.schema, state, inputs))

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say what the references will be."""
        return {} if has_unknown(inputs) else _outputs(inputs)

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Hold the images, all of which have to be there."""
        return inputs["owner"], _hold(inputs)

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return the images that are there; all of them while the registry can't be asked."""
        if not state:
            return self._import(identity)
        try:
            there = present(_registry(state), state["members"].values())
        except PlatformError:
            there = set(state["members"].values())
        return self._live(state, there)

    def _live(self, state: Plain, there: set[str]) -> Live | None:
        members = {name: pinned for name, pinned in state["members"].items() if pinned in there}
        if not members and state["members"]:
            return None
        live = {**state, "members": members}
        live |= _outputs(live)
        inputs = {name: live[name] for name in self.schema.inputs if name in live}
        return Live(inputs, live, state["owner"])

    def _import(self, identity: str) -> Live:
        """Return the images that an owner holds and that are there, by an id that says where.

        Raises:
            DeployError: it holds none there.
            PlatformError: I206, the registry refuses, or doesn't answer.
        """
        given = imports.located(identity, self.schema)
        held = {**_held(given), "store": given["store"], "registry": given["registry"]}
        there = present(_registry(held), held.get("members", {}).values())
        live = self._live(held, there) if there else None
        if live is None:
            raise imports.nothing(identity, "image", given["registry"])
        return live

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Hold other images; those that are no member any more stay in the registry."""
        return _hold(inputs)

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Let the images go; without `purge` they stay in the registry."""
        if state.get("purge"):
            _purge(state)
        open_location(state["store"]).remove(_key(state["owner"]))


def _hold(inputs: Plain) -> Plain:
    """Hold images that are there.

    Raises:
        DeployError: I201, one of them isn't.
    """
    require_there(_registry(inputs), inputs["members"].values())
    held = {name: value for name, value in inputs.items() if name != "purge"}
    open_location(inputs["store"]).write(_key(inputs["owner"]), canonical(held).encode())
    return _outputs(inputs)


def _outputs(inputs: Plain) -> Plain:
    """Return the full reference of each image."""
    host = host_at(inputs["registry"])
    return {"references": {name: f"{host}/{one}" for name, one in inputs["members"].items()}}


def _registry(inputs: Plain) -> ImageRegistry:
    """Return the registry, with the platform's credentials or those of the standard files."""
    name = inputs.get("credentials")
    secret = path_of(inputs["secrets"]) / f"{name}.json" if name else None
    return ImageRegistry.at(inputs["registry"], secret)


def _key(owner: str) -> str:
    """Return the key of the file that says what a stack holds."""
    return f"{_FOLDER}/{owner}.json"


def _held(given: Plain) -> Plain:
    """Return what a stack holds, as it was told when it did; nothing where it holds nothing."""
    try:
        found = json.loads(open_location(given["store"]).read(_key(given["owner"])))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _purge(state: Plain) -> None:
    """Delete the images that no other stack holds."""
    place = open_location(state["store"])
    own = _key(state["owner"])
    others = [entry.key for entry in place.entries(_FOLDER) if entry.key != own]
    held = b"\n".join(place.read(key) for key in others).decode("utf-8", "replace")
    registry = _registry(state)
    for pinned in sorted(set(state["members"].values())):
        repository, _, digest = pinned.partition("@")
        if digest not in held:
            delete_image(registry, repository, digest)
