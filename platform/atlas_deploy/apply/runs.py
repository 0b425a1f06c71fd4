"""Runs under way of members that change, and members that an operator has paused.

A run under way may go on with what is new: on Airflow, where it keeps no versions of DAG files.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas_deploy.diff.members import CHANGE, REMOVE
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from atlas_deploy.apply.options import Runs, Say
    from atlas_deploy.diff.deployment import DeploymentDiff

_SECONDS, _POLL_SECONDS = 3600.0, 2.0


def under_way(diff: DeploymentDiff) -> Runs:
    """Return the runs under way that the change of a member would change.

    Raises:
        PlatformError: an orchestrator doesn't answer.
    """
    names: dict[str, list[str]] = {}
    for change in diff.changes:
        if change.action in (CHANGE, REMOVE):
            names.setdefault(change.resource, []).append(change.name)
    kinds = ((kind_of_target(resource), changed) for resource, changed in names.items())
    return {
        name: runs
        for kind, changed in kinds
        if kind is not None
        for name, runs in kind.operations().runs_under_way(diff.services, changed).items()
    }


def drain(diff: DeploymentDiff, say: Say) -> Runs:
    """Wait until no run is under way that would change; return none.

    Raises:
        DeployError: they don't end within an hour.
    """
    end = time.monotonic() + _SECONDS
    reported = ""
    while active := under_way(diff):
        text = render_runs(active)
        if time.monotonic() > end:
            raise DeployError(
                f"{diff.deployment.stack}: runs are still under way after {_SECONDS:.0f} s "
                f"({text}); deploy without --wait, or end them there"
            )
        if text != reported:
            say(f"waiting for runs under way: {text}")
            reported = text
        time.sleep(_POLL_SECONDS)
    return {}


def unpause(diff: DeploymentDiff) -> list[str]:
    """Let members run again that an operator has paused; return those that do.

    Raises:
        PlatformError: an orchestrator doesn't answer, or refuses.
    """
    paused = {*diff.paused}
    unpaused: list[str] = []
    for part in diff.parts:
        kind = kind_of_target(part.kind)
        names = sorted(paused & part.inputs["members"].keys())
        if kind is not None and names:
            unpaused += kind.operations().unpause(diff.services, names)
    return unpaused


def render_runs(active: Runs) -> str:
    """Return runs under way as text, the first few of many."""
    first = [f"{dag} ({', '.join(runs[:3])})" for dag, runs in [*active.items()][:3]]
    more = len(active) - len(first)
    return ", ".join(first) + (f" and those of {more} more" if more else "")
