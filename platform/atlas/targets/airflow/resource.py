"""The kind `AirflowDags`: DAG files in the folder of an Airflow, which reports each of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.errors import DeployError, PlatformError
from atlas.kinds import content, imports, ownership
from atlas.kinds.members import OWNER, PLANS, STORE, members_property, unequal_names
from atlas.kinds.protocol import (
    Diff,
    Live,
    PartialFailureError,
    Property,
    Schema,
    compare,
    has_unknown,
)
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_folder import DagFolder
from atlas.targets.airflow.rollout import Member, Rollout

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from atlas.kinds.protocol import Context, Failure, Plain
    from atlas.targets.airflow.api import Dag
    from atlas.targets.airflow.rollout import Result

OWNED = "dags"
"""What the store knows the names of DAGs as."""
_SECONDS, _SECONDS_PER_DAG = 120.0, 0.5
_DRAIN_SECONDS = 60.0
_NOTICE_SECONDS = 60.0
_READ_SECONDS = 10.0
"""What the dag-processor may take from opening a file to writing its row, at the most."""
_POLL_SECONDS = 1.0


class AirflowDags:
    """Handle the DAGs of one Config and flow."""

    def __init__(self, gone: Collection[str] = ()) -> None:
        """Handle DAGs.

        Args:
            gone: DAGs whose files and records `ahead.remove` has removed already.
        """
        self._gone = frozenset(gone)

    schema = Schema(
        description="DAGs of a running Airflow, made when it reports each with its Plan's digest.",
        inputs={
            "owner": OWNER,
            "members": members_property("Digest of each DAG's file, by DAG id."),
            "plans": PLANS,
            "store": STORE,
            "dags": Property(
                type="string", required=True, description="URL of the folder that Airflow reads."
            ),
            "airflow": Property(
                type="string", required=True, description="URL of Airflow's API server."
            ),
            "secrets": Property(
                type="string", required=True, description="URL of the folder of secrets."
            ),
            "credentials": Property(
                type="string", required=True, description="Name of the secret to sign in with."
            ),
        },
        outputs={
            "held": Property(
                type="string[]", required=True, description="DAGs that an operator has paused."
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
        """Say what is known: an operator's pause stays."""
        return {"held": state["held"]} if state and "held" in state else {}

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Roll the DAGs out; made when Airflow reports every one."""
        return inputs["owner"], _roll_out({}, inputs, context)

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return the files that are there, and what Airflow says of them.

        An Airflow that doesn't answer, perhaps because it has another address now, has nothing to
        say against what is known of it: an update finds out at the address that it is given.
        """
        if not state:
            return self._import(identity, context)
        members = _members(state)
        if not members and state["members"]:
            return None
        dags = _reported(state, members)
        live = {**state, "members": members, **_said(state, members, dags)}
        return Live({name: live[name] for name in self.schema.inputs}, live, state["owner"])

    def _import(self, identity: str, context: Context) -> Live:
        """Return the DAGs that an owner has, by an id that says where.

        Raises:
            DeployError: it has none there.
            PlatformError: Airflow doesn't answer.
        """
        given = imports.located(identity, self.schema)
        names = _owned(given)
        _airflow(given).dags(names)
        folder = DagFolder.at(given["dags"])
        plans = {name: folder.plan(name) for name in names}
        state = {**given, "members": dict.fromkeys(names, ""), "plans": plans, "held": []}
        live = self.read(identity, state, context) if names else None
        if live is None:
            raise imports.nothing(identity, "DAG", given["store"])
        return live

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Roll out what differs, then remove what is no member any more."""
        outputs = _roll_out(state, inputs, context)
        if state["dags"] != inputs["dags"] and DagFolder.is_at(state["dags"]):
            for name in state["members"]:
                DagFolder.at(state["dags"]).remove(name)
        return outputs

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Remove the files, and what Airflow keeps of the DAGs, once no run is under way."""
        names = {*state["members"], *_owned(state)}
        _remove(state, names - self._gone)
        ownership.release(state["store"], OWNED, names & self._gone, state["owner"])


def _airflow(state: Plain) -> AirflowApi:
    """Return the Airflow that a resource is on."""
    return AirflowApi(state["airflow"], state["secrets"], state["credentials"])


def _members(state: Plain) -> dict[str, str]:
    """Return the digests of the members' files that are there."""
    if not DagFolder.is_at(state["dags"]):
        return {}
    folder = DagFolder.at(state["dags"])
    found = {name: folder.digest(name) for name in state["members"]}
    return {name: digest for name, digest in found.items() if digest}


def _reported(state: Plain, members: Plain) -> dict[str, Dag] | None:
    """Return what Airflow says of DAGs; None when it doesn't answer."""
    if not members:
        return {}
    try:
        return _airflow(state).dags(members)
    except PlatformError:
        return None


def _said(state: Plain, members: Plain, dags: Mapping[str, Dag] | None) -> Plain:
    """Return Plans and pauses of the members as Airflow reports them, else as they were known."""
    if dags is None:
        plans = {name: state["plans"].get(name, "") for name in members}
        return {"plans": plans, "held": state.get("held", [])}
    known = state["plans"]
    plans = {name: _plan(dags.get(name), known.get(name, "")) for name in members}
    return {"plans": plans, "held": sorted(name for name, dag in dags.items() if dag.paused)}


def _plan(dag: Dag | None, known: str) -> str:
    """Return the digest of a DAG's Plan: the known one, if that is what its tag says."""
    if dag is None:
        return ""
    return known if dag.is_of(known) else dag.plan


def _roll_out(state: Plain, inputs: Plain, context: Context) -> Plain:
    """Write the files, wait for Airflow, and return the outputs.

    Raises:
        PartialFailureError: some DAGs are ready and some aren't.
        DeployError: none is ready.
    """
    contents = content.get_all(inputs["store"], inputs["members"])
    members = {name: Member(contents[name], inputs["plans"][name]) for name in contents}
    folder, airflow = DagFolder.at(inputs["dags"]), _airflow(inputs)
    ownership.take(inputs["store"], OWNED, members, inputs["owner"])
    outputs: Plain = {"held": []}
    if members:
        outputs = _wait_for(Rollout(airflow, folder, members), state, inputs, context)
    _remove(inputs, {*_owned(inputs)} - {*members})
    return outputs


def patience(dags: int) -> float:
    """Return how many seconds to wait for Airflow while it makes no progress with some DAGs."""
    return _SECONDS + _SECONDS_PER_DAG * dags


def _wait_for(rollout: Rollout, state: Plain, inputs: Plain, context: Context) -> Plain:
    """Run a rollout to its end; return the outputs."""
    seconds = context.timeout or patience(len(rollout.members))
    result = rollout.run(seconds, context.cancelled)
    outputs = {"held": sorted(name for name, dag in result.dags.items() if dag.paused)}
    if result.failures:
        # Of an interrupted one Airflow may be reading files yet: who sweeps has to know the names.
        fresh = [] if context.cancelled.is_set() else _fresh(state, result)
        ownership.release(inputs["store"], OWNED, fresh, inputs["owner"])
        _give_up(state, inputs, outputs, result)
    return outputs


def _fresh(state: Plain, result: Result) -> list[str]:
    """Return the members that failed and weren't there before."""
    return [name for name in result.failures if name not in state.get("members", {})]


def _owned(state: Plain) -> list[str]:
    """Return the DAGs that are this resource's, also those of an update that was killed."""
    return ownership.owned(state["store"], OWNED, state["owner"])


def _give_up(state: Plain, inputs: Plain, outputs: Plain, result: Result) -> None:
    """Report what failed, with the state that there is: failed members are what they were before.

    Raises:
        PartialFailureError: some DAGs are there.
        DeployError: none is.
    """
    before = state.get("members", {})
    reasons = [f"{name}: {reason}" for name, reason in sorted(result.failures.items())]
    live = {name: inputs["members"][name] for name in result.dags}
    plans = {name: inputs["plans"][name] for name in result.dags}
    live |= {name: before[name] for name in before if name not in live}
    plans |= {name: state["plans"][name] for name in before if name not in plans}
    if not live:
        raise DeployError("\n".join(reasons))
    made = {**inputs, "members": live, "plans": plans}
    raise PartialFailureError(inputs["owner"], made, {**made, **outputs}, reasons)


def _remove(state: Plain, names: set[str]) -> None:
    """Remove DAGs: file first, so that Airflow can't find it again, then Airflow's records.

    Raises:
        DeployError: runs of one don't end; its file is still there then.
    """
    if not names:
        return
    airflow, folder, gone = _airflow(state), DagFolder.at(state["dags"]), sorted(names)
    _drain(airflow, gone)
    take_away(airflow, folder, gone)
    ownership.release(state["store"], OWNED, gone, state["owner"])


def take_away(airflow: AirflowApi, folder: DagFolder, names: list[str]) -> None:
    """Remove the files of DAGs without runs under way, and what Airflow keeps of them.

    Raises:
        DeployError: Airflow keeps one.
    """
    known = airflow.kept(names)
    for name in names:
        folder.remove(name)
    _await_read(airflow, [name for name in names if name not in known])
    _forget(airflow, names)


def _drain(airflow: AirflowApi, names: list[str]) -> None:
    """Wait until no run of these DAGs is under way; a paused DAG's run that only waits isn't.

    Raises:
        DeployError: they don't end.
    """
    end = time.monotonic() + _DRAIN_SECONDS
    paused = {name for name, dag in airflow.dags(names).items() if dag.paused}
    while True:
        active = airflow.active_runs(names, paused)
        if not active:
            return
        if time.monotonic() > end:
            said = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in active.items())
            raise DeployError(
                f"runs are still under way after {_DRAIN_SECONDS:.0f} s ({said}); wait for them, "
                "or mark them as failed in AirflowApi, and repeat"
            )
        time.sleep(_POLL_SECONDS)


def _forget(airflow: AirflowApi, names: list[str]) -> None:
    """Delete Airflow's records, and again where the dag-processor has just written them anew.

    Raises:
        DeployError: Airflow keeps one.
    """
    end = time.monotonic() + _DRAIN_SECONDS
    left = names
    while left:
        _await_noticed(airflow, left)
        for name in left:
            airflow.forget(name)
        time.sleep(_POLL_SECONDS)
        left = sorted(airflow.kept(left))
        if left and time.monotonic() > end:
            raise DeployError(
                f"Airflow still keeps {', '.join(left)}, whose file is gone; see whether tasks of "
                "it are running, and repeat"
            )


def _await_read(airflow: AirflowApi, names: list[str]) -> None:
    """Wait for DAGs that Airflow may be reading yet, as long as reading a file may take."""
    end = time.monotonic() + _READ_SECONDS
    while names and len(airflow.kept(names)) < len(names) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _await_noticed(airflow: AirflowApi, names: list[str]) -> None:
    """Wait until Airflow has noticed that files are gone, as long as that can take.

    The dag-processor reads the rows of such DAGs, marks them as stale and writes them back. A row
    that is deleted in between ends it (StaleDataError); one that is stale is written no more. Where
    nothing notices, there is no dag-processor that could be ended.
    """
    end = time.monotonic() + _NOTICE_SECONDS
    while airflow.dags(names) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
