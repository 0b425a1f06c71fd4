"""The kind `RetrainingMonitor`: the DAG of a Config's monitor, which a running Airflow reports.

It is a DAG file as those of flows are, and is rolled out, read and removed as they are; what stands
in place of a Plan is the content that says what is monitored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from atlas.errors import PartialFailureError
from atlas.kinds.members import Owner, Secrets, Store
from atlas.kinds.parsing import Failure
from atlas.kinds.properties import WireName, properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas.targets.airflow.resource import AirflowDagsInputs, AirflowDagsKind, AirflowDagsOutputs

if TYPE_CHECKING:
    from collections.abc import Collection

    from atlas.kinds.protocol import OperationContext


@properties
class RetrainingMonitorInputs:
    """The monitor of one Config: a DAG that looks whether its pipelines should be trained again.

    The update fails when Airflow can't import the DAG's file or doesn't report it, with Airflow's
    own message; the file is the old one again. It fails as well when the name belongs to another
    stack, the store lacks a content or Airflow doesn't answer. Custom time-outs say how long to
    wait for Airflow, by default two minutes. Deleting waits a minute for a run that is under way.
    """

    owner: Owner
    members: Annotated[
        Mapping[str, str],
        "Digest (sha256) of the DAG's file, by DAG id; its content is in the store under that "
        "digest (`atlas.kinds.content.put`), and carries the tag `monitor:DIGEST`.",
    ]
    monitors: Annotated[
        Mapping[str, str],
        "Digest of what is monitored, by DAG id; its content is in the store under that digest.",
    ]
    store: Store
    dags: Annotated[
        str,
        "URL of where Airflow takes DAG files from: a folder `file:///…`, a prefix of a bucket "
        "`s3://…`, or a branch of a repository `git+https://…#branch`.",
    ]
    airflow: Annotated[str, "URL of Airflow's API server."]
    secrets: Secrets
    credentials: Annotated[str, "Name of the secret to sign in with."]
    dags_credentials: Annotated[
        str | None,
        "Name of the secret that opens the bucket (key id and key) or the repository (user and "
        "token); without one, the variables and settings of S3 and git say who asks.",
    ] = None


@properties
class RetrainingMonitorOutputs:
    """What Airflow has to add."""

    paused: Annotated[tuple[str, ...], "DAGs that an operator has paused.", WireName("held")]


_State = State[RetrainingMonitorInputs, RetrainingMonitorOutputs]
_DagsState = State[AirflowDagsInputs, AirflowDagsOutputs]


class RetrainingMonitorKind(Kind[RetrainingMonitorInputs, RetrainingMonitorOutputs]):
    """Handle the monitor of one Config."""

    inputs = RetrainingMonitorInputs
    outputs = RetrainingMonitorOutputs

    def __init__(self, removed: Collection[str] = ()) -> None:
        """Handle monitors.

        Args:
            removed: DAGs whose files and records are removed already.
        """
        self._dags = AirflowDagsKind(removed)

    def check(self, inputs: RetrainingMonitorInputs) -> list[Failure]:
        """Return what is wrong with the inputs."""
        odd = sorted({*inputs.members} ^ {*inputs.monitors})
        if not odd:
            return []
        found = f"found {', '.join(odd)} in only one of members and monitors"
        return [Failure("monitors", f"{found}; expected the same names")]

    def preview(
        self, state: _State | None, inputs: RetrainingMonitorInputs | None
    ) -> dict[str, Any]:
        """Return what is known: an operator's pause stays."""
        return {"paused": state.outputs.paused} if state else {}

    def create(
        self, inputs: RetrainingMonitorInputs, context: OperationContext
    ) -> tuple[str, RetrainingMonitorOutputs]:
        """Roll the DAG out; made when Airflow reports it."""
        try:
            identity, outputs = self._dags.create(_dags(inputs), context)
        except PartialFailureError as error:
            raise _partial(error) from error
        return identity, RetrainingMonitorOutputs(paused=outputs.paused)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the file that is there, and what Airflow reports of it."""
        found = self._dags.read(identity, _dags_state(state), context)
        return _monitor_state(found) if found else None

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[RetrainingMonitorInputs, RetrainingMonitorOutputs]:
        """Return the monitor that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
            PlatformError: Airflow doesn't answer.
        """
        found = self._dags.find(identity, context)
        return FoundResource(found.identity, _monitor_state(found.state))

    def update(
        self,
        identity: str,
        state: _State,
        inputs: RetrainingMonitorInputs,
        context: OperationContext,
    ) -> RetrainingMonitorOutputs:
        """Roll out what differs, then remove what isn't a member any more."""
        try:
            outputs = self._dags.update(identity, _dags_state(state), _dags(inputs), context)
        except PartialFailureError as error:
            raise _partial(error) from error
        return RetrainingMonitorOutputs(paused=outputs.paused)

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Remove the file, and Airflow's records of the DAG, once no run is under way."""
        self._dags.delete(identity, _dags_state(state), context)


def _dags(inputs: RetrainingMonitorInputs) -> AirflowDagsInputs:
    """Return a monitor's inputs as those of DAGs."""
    return AirflowDagsInputs(
        owner=inputs.owner,
        members=inputs.members,
        plans=inputs.monitors,
        store=inputs.store,
        dags=inputs.dags,
        airflow=inputs.airflow,
        secrets=inputs.secrets,
        credentials=inputs.credentials,
        dags_credentials=inputs.dags_credentials,
    )


def _dags_state(state: _State) -> _DagsState:
    return State(_dags(state.inputs), AirflowDagsOutputs(paused=state.outputs.paused))


def _monitor_state(state: _DagsState) -> _State:
    """Return the state of DAGs as a monitor's."""
    inputs = state.inputs
    return State(
        RetrainingMonitorInputs(
            owner=inputs.owner,
            members=inputs.members,
            monitors=inputs.plans,
            store=inputs.store,
            dags=inputs.dags,
            airflow=inputs.airflow,
            secrets=inputs.secrets,
            credentials=inputs.credentials,
            dags_credentials=inputs.dags_credentials,
        ),
        RetrainingMonitorOutputs(paused=state.outputs.paused),
    )


def _partial(error: PartialFailureError) -> PartialFailureError:
    """Return the error of DAGs of which some are there, with a monitor's state."""
    return PartialFailureError(error.identity, _monitor_state(error.state), error.reasons)
