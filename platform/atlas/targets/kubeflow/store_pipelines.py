"""Kubeflow pipelines without an API server: compiled packages as versions in the store.

    <store>/kubeflow/<name>/<digest>.yaml   a version: immutable, named by its digest
    <store>/kubeflow/<name>/current         the digest of the version that is deployed

An update adds a version and never removes one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.kinds import content, lineage
from atlas.kinds.protocol import State
from atlas.store import open_location
from atlas.targets.kubeflow.resource import KubeflowPipelinesOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Location
    from atlas.targets.kubeflow.resource import KubeflowPipelinesInputs, PipelinesState

_FOLDER = "kubeflow"
_PLAN = re.compile(rb"\A# Compiled by Atlas from Plan ([0-9a-f]{64})\.")


class StoreBackend:
    """Keeps pipelines in the store, where `kfp.local` finds them."""

    def known(self, inputs: KubeflowPipelinesInputs) -> KubeflowPipelinesOutputs:
        """Return where each member's version is: known before it is."""
        versions = {
            name: f"{inputs.store}/{_version(name, digest)}"
            for name, digest in inputs.members.items()
        }
        return KubeflowPipelinesOutputs(versions=versions, paused=())

    def deploy(
        self, inputs: KubeflowPipelinesInputs, contents: Mapping[str, bytes]
    ) -> KubeflowPipelinesOutputs:
        """Write the versions, then the pointers; nothing starts them by the clock."""
        place = open_location(inputs.store)
        for name, digest in inputs.members.items():
            if _whole(place, name, digest) is None:
                place.write(_version(name, digest), contents[name])
            place.write(_pointer(name), digest.encode())
        return self.known(inputs)

    def read(self, inputs: KubeflowPipelinesInputs) -> PipelinesState:
        """Return members, Plans and outputs of what is pointed at and whole."""
        place = open_location(inputs.store)
        current = {name: _current(place, name) for name in inputs.members}
        members = {name: digest for name, (digest, _) in current.items() if digest}
        plans = {name: current[name][1] for name in members}
        live = replace(inputs, members=members, plans=plans)
        return State(live, self.known(live))

    def take_back(self, inputs: KubeflowPipelinesInputs, names: set[str]) -> None:
        """Remove pointers and versions, but no version whose Plan some run was made by."""
        place = open_location(inputs.store)
        for name in sorted(names):
            place.remove(_pointer(name))
            keys = [f"{_FOLDER}/{name}/{version}" for version in place.names(f"{_FOLDER}/{name}")]
            plans = {key: _plan_of(place.read(key)) for key in keys}
            for key in plans.keys() - lineage.used(place, plans):
                place.remove(key)


def _version(name: str, digest: str) -> str:
    """Return the key of a version."""
    return f"{_FOLDER}/{name}/{digest}.yaml"


def _pointer(name: str) -> str:
    """Return the key of the file that says which version is deployed."""
    return f"{_FOLDER}/{name}/current"


def _whole(place: Location, name: str, digest: str) -> bytes | None:
    """Return a version's content if it is what its name says."""
    try:
        package = place.read(_version(name, digest))
    except FileNotFoundError:
        return None
    return package if content.digest_of(package) == digest else None


def _current(place: Location, name: str) -> tuple[str, str]:
    """Return the digests of the version that is pointed at and of its Plan; empty for none."""
    try:
        digest = place.read(_pointer(name)).decode("ascii", "replace")
    except FileNotFoundError:
        return "", ""
    package = _whole(place, name, digest)
    return (digest, _plan_of(package)) if package is not None else ("", "")


def _plan_of(package: bytes) -> str:
    """Return the digest of the Plan that a package was compiled from."""
    match = _PLAN.match(package)
    return match[1].decode() if match else ""
