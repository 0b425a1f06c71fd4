"""The kind `AirflowDags`: DAG files where an Airflow takes them from, which reports each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from atlas.errors import AtlasError, DeployError, PartialFailureError, PlatformError
from atlas.kinds import content, imports, ownership
from atlas.kinds.members import Owner, Plans, Secrets, Store, unequal_names
from atlas.kinds.parsing import parse
from atlas.kinds.properties import WireName, properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas.targets.airflow import dag_removal
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_bundle import is_there, open_bundle
from atlas.targets.airflow.rollout import Member, Rollout

if TYPE_CHECKING:
    from collections.abc import Collection

    from atlas.kinds.parsing import Failure
    from atlas.kinds.protocol import OperationContext
    from atlas.targets.airflow.api import Dag
    from atlas.targets.airflow.dag_bundle import DagBundle
    from atlas.targets.airflow.rollout import Result

OWNED = "dags"
"""The kind of name that DAGs are, in the store's record of owners."""
_SECONDS, _SECONDS_PER_DAG = 120.0, 0.5


@properties
class AirflowDagsInputs:
    """DAGs of one Config and flow in a running Airflow, which has reported each of them.

    The files go to a folder, a prefix of a bucket or a branch of a repository. In a repository,
    all files of one update are one commit.

    The update fails for each member that Airflow can't import or doesn't report, with Airflow's own
    message; those have their old file again, the others are deployed. It fails as a whole when a
    name belongs to another stack, the store lacks a content or Airflow doesn't answer. Custom
    time-outs say how long to wait for Airflow, by default two minutes and half a second a member,
    and five minutes more where Airflow copies the files before it reads them.
    Deleting waits a minute for runs that are under way.
    """

    owner: Owner
    members: Annotated[
        Mapping[str, str],
        "Digest (sha256) of each DAG's file, by DAG id; its content is in the store under that "
        "digest (`atlas.kinds.content.put`), and carries the tag `plan:DIGEST`.",
    ]
    plans: Plans
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
class AirflowDagsOutputs:
    """What Airflow has to add."""

    paused: Annotated[tuple[str, ...], "DAGs that an operator has paused.", WireName("held")]


_State = State[AirflowDagsInputs, AirflowDagsOutputs]


class AirflowDagsKind(Kind[AirflowDagsInputs, AirflowDagsOutputs]):
    """Handle the DAGs of one Config and flow."""

    inputs = AirflowDagsInputs
    outputs = AirflowDagsOutputs

    def __init__(self, removed: Collection[str] = ()) -> None:
        """Handle DAGs.

        Args:
            removed: DAGs whose files and records `ahead.remove` has removed already.
        """
        self._removed = frozenset(removed)

    def check(self, inputs: AirflowDagsInputs) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return unequal_names(inputs.members, inputs.plans)

    def preview(self, state: _State | None, inputs: AirflowDagsInputs | None) -> dict[str, Any]:
        """Return what is known: an operator's pause stays."""
        return {"paused": state.outputs.paused} if state else {}

    def create(
        self, inputs: AirflowDagsInputs, context: OperationContext
    ) -> tuple[str, AirflowDagsOutputs]:
        """Roll the DAGs out; made when Airflow reports every one."""
        return inputs.owner, _roll_out(None, inputs, context)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the files that are there, and what Airflow reports of them.

        An Airflow that doesn't answer, perhaps because it has another address now, changes nothing
        of what is known: an update finds out at the address that it is given.
        """
        members = _members(state.inputs)
        if not members and state.inputs.members:
            return None
        return _reported(state, members)

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[AirflowDagsInputs, AirflowDagsOutputs]:
        """Return the DAGs that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
            PlatformError: Airflow doesn't answer.
        """
        located = imports.located(identity, AirflowDagsInputs)
        inputs = parse(AirflowDagsInputs, {**located, "members": {}, "plans": {}})
        names = _owned(inputs)
        _airflow(inputs).dags(names)
        plans = _bundle(inputs).plans(names)
        inputs = replace(inputs, members=dict.fromkeys(names, ""), plans=plans)
        state = State(inputs, AirflowDagsOutputs(paused=()))
        live = self.read(identity, state, context) if names else None
        if live is None:
            raise imports.nothing(identity, "DAG", inputs.store)
        return FoundResource(inputs.owner, live)

    def update(
        self, identity: str, state: _State, inputs: AirflowDagsInputs, context: OperationContext
    ) -> AirflowDagsOutputs:
        """Roll out what differs, then remove what isn't a member any more."""
        outputs = _roll_out(state, inputs, context)
        before = state.inputs
        if before.dags != inputs.dags and is_there(before.dags):
            # A place that is gone has no Airflow either that would take them from there.
            with suppress(AtlasError):
                _bundle(before).change(dict.fromkeys(before.members))
        return outputs

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Remove the files, and Airflow's records of the DAGs, once no run is under way."""
        inputs = state.inputs
        names = {*inputs.members, *_owned(inputs)}
        _remove(inputs, names - self._removed)
        ownership.release(inputs.store, OWNED, names & self._removed, inputs.owner)


def _airflow(inputs: AirflowDagsInputs) -> AirflowApi:
    """Return the Airflow that a resource is on."""
    return AirflowApi(inputs.airflow, inputs.secrets, inputs.credentials)


def _bundle(inputs: AirflowDagsInputs) -> DagBundle:
    """Return where the Airflow takes its files from."""
    return open_bundle(inputs.dags, inputs.secrets, inputs.dags_credentials or "")


def _members(inputs: AirflowDagsInputs) -> dict[str, str]:
    """Return the digests of the members' files that are there."""
    return _bundle(inputs).digests(inputs.members) if is_there(inputs.dags) else {}


def _reported(state: _State, members: Mapping[str, str]) -> _State:
    """Return members with Plans and pauses as Airflow reports them, else as they were known."""
    known = state.inputs.plans
    try:
        dags = _airflow(state.inputs).dags(members) if members else {}
    except PlatformError:
        plans = {name: known.get(name, "") for name in members}
        return replace(state, inputs=replace(state.inputs, members=members, plans=plans))
    plans = {name: _plan(dags.get(name), known.get(name, "")) for name in members}
    inputs = replace(state.inputs, members=members, plans=plans)
    return State(inputs, _outputs(dags))


def _outputs(dags: Mapping[str, Dag]) -> AirflowDagsOutputs:
    """Return the outputs, given what Airflow reports."""
    return AirflowDagsOutputs(paused=tuple(sorted(n for n, dag in dags.items() if dag.paused)))


def _plan(dag: Dag | None, known: str) -> str:
    """Return the digest of a DAG's Plan: the known one, if its tag begins that."""
    if dag is None:
        return ""
    return known if dag.is_of(known) else dag.plan


def _roll_out(
    state: _State | None, inputs: AirflowDagsInputs, context: OperationContext
) -> AirflowDagsOutputs:
    """Write the files, wait for Airflow, and return the outputs.

    Raises:
        PartialFailureError: some DAGs are ready and some aren't.
        DeployError: none is ready.
    """
    contents = content.get_all(inputs.store, inputs.members)
    members = {name: Member(contents[name], inputs.plans[name]) for name in contents}
    bundle, airflow = _bundle(inputs), _airflow(inputs)
    ownership.take(inputs.store, OWNED, members, inputs.owner)
    outputs = _outputs({})
    if members:
        outputs = _wait_for(Rollout(airflow, bundle, members), state, inputs, context)
    _remove(inputs, {*_owned(inputs)} - {*members})
    return outputs


def patience(dags: int, bundle: DagBundle) -> float:
    """Return how many seconds to wait for Airflow while it makes no progress with some DAGs."""
    return _SECONDS + _SECONDS_PER_DAG * dags + bundle.lag


def _wait_for(
    rollout: Rollout, state: _State | None, inputs: AirflowDagsInputs, context: OperationContext
) -> AirflowDagsOutputs:
    """Run a rollout to its end; return the outputs."""
    seconds = context.timeout or patience(len(rollout.members), rollout.bundle)
    result = rollout.run(seconds, context.cancelled)
    if result.failures:
        # Airflow may still be reading files of an interrupted one: their owner stays on record.
        before = state.inputs.members if state else {}
        new = [name for name in result.failures if name not in before]
        new = [] if context.cancelled.is_set() else new
        ownership.release(inputs.store, OWNED, new, inputs.owner)
        _give_up(state, inputs, result)
    return _outputs(result.dags)


def _owned(inputs: AirflowDagsInputs) -> list[str]:
    """Return the DAGs that are this resource's, also those of an update that was killed."""
    return ownership.owned(inputs.store, OWNED, inputs.owner)


def _give_up(state: _State | None, inputs: AirflowDagsInputs, result: Result) -> None:
    """Report what failed, with the state that there is: failed members are what they were before.

    Raises:
        PartialFailureError: some DAGs are there.
        DeployError: none is.
    """
    reasons = [f"{name}: {reason}" for name, reason in sorted(result.failures.items())]
    members = {name: inputs.members[name] for name in result.dags}
    plans = {name: inputs.plans[name] for name in result.dags}
    if state:
        members = {**state.inputs.members, **members}
        plans = {**{name: state.inputs.plans.get(name, "") for name in members}, **plans}
    if not members:
        raise DeployError("\n".join(reasons))
    made = State(replace(inputs, members=members, plans=plans), _outputs(result.dags))
    raise PartialFailureError(inputs.owner, made, reasons)


def _remove(inputs: AirflowDagsInputs, names: set[str]) -> None:
    """Remove DAGs: file first, so that Airflow can't find it again, then Airflow's records.

    Raises:
        DeployError: runs of one don't end; its file is still there then.
    """
    if not names:
        return
    airflow, bundle, removed = _airflow(inputs), _bundle(inputs), sorted(names)
    dag_removal.drain(airflow, removed)
    dag_removal.remove(airflow, bundle, removed)
    ownership.release(inputs.store, OWNED, removed, inputs.owner)
