"""The kind `KubeflowPipelines`: on an API server where the platform has one, else in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from atlas.kinds import content, imports, ownership
from atlas.kinds.members import OptionalSecrets, Owner, Plans, Store, unequal_names
from atlas.kinds.parsing import Failure, parse
from atlas.kinds.properties import WireName, properties
from atlas.kinds.protocol import FoundResource, Kind, State

if TYPE_CHECKING:
    from atlas.kinds.protocol import OperationContext

_OWNED = "kubeflow"
"""The kind of name that pipelines are, in the store's record of owners."""


@properties
class KubeflowPipelinesInputs:
    """Compiled Kubeflow pipelines of one Config and flow, as immutable versions.

    They are on Kubeflow's API server, or in the artifact store where there is none. The update
    fails when the store lacks a content, a name belongs to another stack, or the API server doesn't
    answer or refuses. A version is never changed: an update adds one, and deleting leaves those
    that a run was made by.
    """

    owner: Owner
    members: Annotated[
        Mapping[str, str],
        "Digest (sha256) of each compiled package, by pipeline name; its content is in the store "
        "under that digest (`atlas.kinds.content.put`).",
    ]
    plans: Plans
    store: Store
    schedules: Annotated[
        Mapping[str, str] | None,
        "When members run, by name, such as `0 6 * * * from 2026-01-01`; in UTC.",
    ] = None
    kubeflow: Annotated[
        str | None, "URL of Kubeflow's API server; without one, the store keeps the versions."
    ] = None
    namespace: Annotated[
        str | None, "The namespace of the pipelines, on a Kubeflow of several users."
    ] = None
    secrets: OptionalSecrets = None
    credentials: Annotated[str | None, "Name of the secret whose password is the bearer token."] = (
        None
    )


@properties
class KubeflowPipelinesOutputs:
    """What the place of the pipelines has to add."""

    versions: Annotated[Mapping[str, str], "Where each member's version is."]
    paused: Annotated[
        tuple[str, ...], "Members whose recurring run an operator has stopped.", WireName("held")
    ]


PipelinesState = State[KubeflowPipelinesInputs, KubeflowPipelinesOutputs]


class PipelineBackend(Protocol):
    """Where pipelines are kept. Who owns a name is settled before it is asked."""

    def known(self, inputs: KubeflowPipelinesInputs) -> KubeflowPipelinesOutputs | None:
        """Return the outputs if they are known before anything is done."""

    def deploy(
        self, inputs: KubeflowPipelinesInputs, contents: Mapping[str, bytes]
    ) -> KubeflowPipelinesOutputs:
        """Add what is missing of the members; return the outputs."""

    def read(self, inputs: KubeflowPipelinesInputs) -> PipelinesState:
        """Return the state of what is really there."""

    def take_back(self, inputs: KubeflowPipelinesInputs, names: set[str]) -> None:
        """Remove names and their versions, but none whose Plan some run was made by."""


class KubeflowPipelinesKind(Kind[KubeflowPipelinesInputs, KubeflowPipelinesOutputs]):
    """Handle the compiled pipelines of one Config and flow."""

    inputs = KubeflowPipelinesInputs
    outputs = KubeflowPipelinesOutputs

    def check(self, inputs: KubeflowPipelinesInputs) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [*unequal_names(inputs.members, inputs.plans), *_unreadable(inputs)]

    def preview(
        self, state: PipelinesState | None, inputs: KubeflowPipelinesInputs | None
    ) -> dict[str, Any]:
        """Return where the versions will be."""
        known = _backend(inputs).known(inputs) if inputs else None
        return {"versions": known.versions, "paused": known.paused} if known else {}

    def create(
        self, inputs: KubeflowPipelinesInputs, context: OperationContext
    ) -> tuple[str, KubeflowPipelinesOutputs]:
        """Add a version for each member, and have it run when it should."""
        return inputs.owner, _deploy(inputs)

    def read(
        self, identity: str, state: PipelinesState, context: OperationContext
    ) -> PipelinesState | None:
        """Return the versions that are there and whole."""
        live = _backend(state.inputs).read(state.inputs)
        return None if state.inputs.members and not live.inputs.members else live

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[KubeflowPipelinesInputs, KubeflowPipelinesOutputs]:
        """Return the pipelines that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
        """
        located = imports.located(identity, KubeflowPipelinesInputs)
        inputs = parse(KubeflowPipelinesInputs, {**located, "members": {}, "plans": {}})
        names = _owned(inputs)
        inputs = replace(inputs, members=dict.fromkeys(names, ""))
        state = State(inputs, KubeflowPipelinesOutputs(versions={}, paused=()))
        live = self.read(identity, state, context) if names else None
        if live is None:
            raise imports.nothing(identity, "pipeline", inputs.store)
        return FoundResource(inputs.owner, live)

    def update(
        self,
        identity: str,
        state: PipelinesState,
        inputs: KubeflowPipelinesInputs,
        context: OperationContext,
    ) -> KubeflowPipelinesOutputs:
        """Add versions for what differs, then take back what isn't a member any more.

        What was in another namespace of Kubeflow goes from there.
        """
        outputs = _deploy(inputs)
        before = state.inputs.namespace or ""
        if before != (inputs.namespace or "") and inputs.kubeflow:
            there = replace(inputs, namespace=before)
            _backend(inputs).take_back(there, {*state.inputs.members})
        return outputs

    def delete(self, identity: str, state: PipelinesState, context: OperationContext) -> None:
        """Take every member back; a version that a run was made by stays."""
        _take_back(state.inputs, {*state.inputs.members, *_owned(state.inputs)})


def _backend(inputs: KubeflowPipelinesInputs) -> PipelineBackend:
    """Return where the pipelines of these inputs are kept."""
    if not inputs.kubeflow:
        from atlas.targets.kubeflow.store_pipelines import StoreBackend

        return StoreBackend()
    from atlas.targets.kubeflow.server_pipelines import ServerBackend

    return ServerBackend()


def _unreadable(inputs: KubeflowPipelinesInputs) -> list[Failure]:
    """Return a failure when a secret is named, and the folder of secrets isn't."""
    if not inputs.credentials or inputs.secrets:
        return []
    reason = "found credentials without secrets; expected the URL of the folder that they are in"
    return [Failure("secrets", reason)]


def _owned(inputs: KubeflowPipelinesInputs) -> list[str]:
    """Return the names that are this resource's, also those of an update that was killed."""
    return ownership.owned(inputs.store, _OWNED, inputs.owner)


def _deploy(inputs: KubeflowPipelinesInputs) -> KubeflowPipelinesOutputs:
    """Take the names, add what is missing, take back what isn't a member; return the outputs."""
    contents = content.get_all(inputs.store, inputs.members)
    ownership.take(inputs.store, _OWNED, contents, inputs.owner)
    outputs = _backend(inputs).deploy(inputs, contents)
    _take_back(inputs, {*_owned(inputs)} - {*contents})
    return outputs


def _take_back(inputs: KubeflowPipelinesInputs, names: set[str]) -> None:
    """Remove names where they are kept, and let others have them."""
    _backend(inputs).take_back(inputs, names)
    ownership.release(inputs.store, _OWNED, names, inputs.owner)
