"""The kind `KubeflowPipelines`, without a KFP API: compiled packages as versions in the store.

    <store>/kubeflow/<name>/<digest>.yaml   a version: immutable, named by its digest
    <store>/kubeflow/<name>/current         the digest of the version that is deployed

An update adds a version and never removes one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store import Store, open_place
from atlas_provider import claims, content, imports
from atlas_provider.kind import Diff, Live, Property, Schema, compare, has_unknown
from atlas_provider.kinds.members import (
    OWNER,
    PLANS,
    STORE,
    members_property,
    unequal_names,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Place
    from atlas_provider.kind import Context, Failure, Plain

_FOLDER = "kubeflow"
_CLAIM = "kubeflow"
_PLAN = re.compile(rb"\A# Compiled by Atlas from Plan ([0-9a-f]{64})\.")


class KubeflowPipelines:
    """Handle the compiled pipelines of one Config and flow."""

    schema = Schema(
        description="Compiled Kubeflow pipelines, as immutable versions in the artifact store.",
        inputs={
            "owner": OWNER,
            "members": members_property("Digest of each compiled package, by pipeline name."),
            "plans": PLANS,
            "store": STORE,
        },
        outputs={
            "versions": Property(
                type="string{}", required=True, description="Where each member's version is."
            ),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [] if has_unknown(inputs) else unequal_names(inputs)

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs, member by member."""
        return Diff(compare(self.schema, state, inputs))

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say where the versions will be."""
        return {} if has_unknown(inputs) else _outputs(inputs)

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Add a version for each member, and point at it."""
        return inputs["owner"], _deploy(inputs)

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return the versions that are pointed at and whole."""
        if not state:
            return self._import(identity, context)
        place = open_place(state["store"])
        found = {name: _current(place, name) for name in state["members"]}
        members = {name: digest for name, (digest, _) in found.items() if digest}
        if not members and state["members"]:
            return None
        plans = {name: found[name][1] for name in members}
        live = {**state, "members": members, "plans": plans}
        live |= _outputs(live)
        return Live({name: live[name] for name in self.schema.inputs}, live, state["owner"])

    def _import(self, identity: str, context: Context) -> Live:
        """Return the pipelines that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
        """
        given = imports.located(identity, self.schema)
        names = _owned(given)
        state = {**given, "members": dict.fromkeys(names, ""), "plans": {}}
        live = self.read(identity, state, context) if names else None
        if live is None:
            raise imports.nothing(identity, "pipeline", given["store"])
        return live

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Add versions for what differs, then take back what is no member any more."""
        return _deploy(inputs)

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Take every member back; a version that a run was made by stays in the store."""
        _take_back(state, {*state["members"], *_owned(state)})


def _owned(state: Plain) -> list[str]:
    """Return the names that are this resource's, also those of an update that was killed."""
    return claims.owned(state["store"], _CLAIM, state["owner"])


def _outputs(inputs: Plain) -> Plain:
    """Return where each member's version is."""
    versions = {
        name: f"{inputs['store']}/{_version(name, digest)}"
        for name, digest in inputs["members"].items()
    }
    return {"versions": versions}


def _version(name: str, digest: str) -> str:
    """Return the key of a version."""
    return f"{_FOLDER}/{name}/{digest}.yaml"


def _pointer(name: str) -> str:
    """Return the key of the file that says which version is deployed."""
    return f"{_FOLDER}/{name}/current"


def _deploy(inputs: Plain) -> Plain:
    """Write the versions, then the pointers, and return the outputs."""
    contents = content.get_all(inputs["store"], inputs["members"])
    claims.claim(inputs["store"], _CLAIM, contents, inputs["owner"])
    place = open_place(inputs["store"])
    for name, digest in inputs["members"].items():
        if _whole(place, name, digest) is None:
            place.write(_version(name, digest), contents[name])
        place.write(_pointer(name), digest.encode())
    _take_back(inputs, {*_owned(inputs)} - {*contents})
    return _outputs(inputs)


def _whole(place: Place, name: str, digest: str) -> bytes | None:
    """Return a version's content if it is what its name says."""
    try:
        found = place.read(_version(name, digest))
    except FileNotFoundError:
        return None
    return found if content.digest_of(found) == digest else None


def _current(place: Place, name: str) -> tuple[str, str]:
    """Return the digests of the version that is pointed at and of its Plan; empty for none."""
    try:
        digest = place.read(_pointer(name)).decode("ascii", "replace")
    except FileNotFoundError:
        return "", ""
    found = _whole(place, name, digest)
    return (digest, _plan_of(found)) if found is not None else ("", "")


def _plan_of(package: bytes) -> str:
    """Return the digest of the Plan that a package was compiled from."""
    match = _PLAN.match(package)
    return match[1].decode() if match else ""


def _take_back(state: Plain, names: set[str]) -> None:
    """Remove pointers and versions, but no version whose Plan some run was made by."""
    place = open_place(state["store"])
    for name in sorted(names):
        place.remove(_pointer(name))
        keys = [f"{_FOLDER}/{name}/{version}" for version in place.names(f"{_FOLDER}/{name}")]
        used = _used_plans(Store(place), {key: _plan_of(place.read(key)) for key in keys})
        for key in [key for key in keys if key not in used]:
            place.remove(key)
    claims.release(state["store"], _CLAIM, names, state["owner"])


def _used_plans(store: Store, plans: Mapping[str, str]) -> set[str]:
    """Return the versions whose Plan a run was made by, or isn't known."""
    used = set()
    for key, digest in plans.items():
        try:
            pipeline = store.plan(digest).name
        except StoreError:
            used.add(key)
            continue
        if any(store.run(pipeline, run).plan == digest for run in store.runs(pipeline)):
            used.add(key)
    return used
