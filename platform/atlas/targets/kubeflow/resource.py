"""The kind `KubeflowPipelines`: on an API server where the platform has one, else in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from atlas.kinds import content, imports, ownership
from atlas.kinds.members import (
    OWNER,
    PLANS,
    STORE,
    members_property,
    unequal_names,
)
from atlas.kinds.protocol import Diff, Failure, Live, Property, Schema, compare, has_unknown
from atlas.targets.kubeflow.store_pipelines import StoreForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.protocol import Context, Plain

_OWNED = "kubeflow"


class Form(Protocol):
    """Where pipelines are kept. Whose a name is, is settled before it is asked."""

    def outputs(self, inputs: Plain) -> Plain:
        """Return the outputs that are known before anything is done."""

    def deploy(self, inputs: Plain, contents: Mapping[str, bytes]) -> Plain:
        """Add what is missing of the members; return the outputs."""

    def read(self, state: Plain) -> Plain:
        """Return the state of what is really there."""

    def take_back(self, state: Plain, names: set[str]) -> None:
        """Remove names and their versions, but none whose Plan some run was made by."""


class KubeflowPipelines:
    """Handle the compiled pipelines of one Config and flow."""

    schema = Schema(
        description="Compiled Kubeflow pipelines as immutable versions: on Kubeflow's API server, "
        "or in the artifact store where there is none.",
        inputs={
            "owner": OWNER,
            "members": members_property("Digest of each compiled package, by pipeline name."),
            "plans": PLANS,
            "store": STORE,
            "schedules": Property(
                type="string{}", description="When each member runs: cron in UTC, by name."
            ),
            "kubeflow": Property(type="string", description="URL of Kubeflow's API server."),
            "namespace": Property(
                type="string", description="Whose pipelines, on a Kubeflow of several users."
            ),
            "secrets": Property(type="string", description="URL of the folder of secrets."),
            "credentials": Property(
                type="string", description="Name of the secret whose password is the bearer token."
            ),
        },
        outputs={
            "versions": Property(
                type="string{}", required=True, description="Where each member's version is."
            ),
            "held": Property(
                type="string[]",
                required=True,
                description="Members whose recurring run an operator has stopped.",
            ),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [] if has_unknown(inputs) else [*unequal_names(inputs), *_unreadable(inputs)]

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs, member by member."""
        return Diff(compare(self.schema, state, inputs))

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say where the versions will be."""
        return {} if has_unknown(inputs) else _form(inputs).outputs(inputs)

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Add a version for each member, and have it run when it should."""
        return inputs["owner"], _deploy(inputs)

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return the versions that are there and whole."""
        if not state:
            return self._import(identity, context)
        live = _form(state).read(state)
        if not live["members"] and state["members"]:
            return None
        given = {name: live[name] for name in self.schema.inputs if name in live}
        return Live(given, live, state["owner"])

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
        """Add versions for what differs, then take back what is no member any more.

        What was in another namespace of Kubeflow goes from there.
        """
        outputs = _deploy(inputs)
        before = state.get("namespace") or ""
        if before != (inputs.get("namespace") or "") and inputs.get("kubeflow"):
            _form(inputs).take_back({**inputs, "namespace": before}, {*state["members"]})
        return outputs

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Take every member back; a version that a run was made by stays."""
        _take_back(state, {*state["members"], *_owned(state)})


def _form(inputs: Plain) -> Form:
    """Return where the pipelines of these inputs are kept."""
    if not inputs.get("kubeflow"):
        return StoreForm()
    from atlas.targets.kubeflow.server_pipelines import ServerForm

    return ServerForm()


def _unreadable(inputs: Plain) -> list[Failure]:
    """Return a failure when a secret is named, and not where secrets are."""
    if not inputs.get("credentials") or inputs.get("secrets"):
        return []
    reason = "found credentials without secrets; expected the URL of the folder that they are in"
    return [Failure("secrets", reason)]


def _owned(state: Plain) -> list[str]:
    """Return the names that are this resource's, also those of an update that was killed."""
    return ownership.owned(state["store"], _OWNED, state["owner"])


def _deploy(inputs: Plain) -> Plain:
    """Take the names, add what is missing, take back what is no member; return the outputs."""
    contents = content.get_all(inputs["store"], inputs["members"])
    ownership.take(inputs["store"], _OWNED, contents, inputs["owner"])
    outputs = _form(inputs).deploy(inputs, contents)
    _take_back(inputs, {*_owned(inputs)} - {*contents})
    return outputs


def _take_back(state: Plain, names: set[str]) -> None:
    """Remove names where they are kept, and let others have them."""
    _form(state).take_back(state, names)
    ownership.release(state["store"], _OWNED, names, state["owner"])
