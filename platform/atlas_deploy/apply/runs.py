"""Runs under way of DAGs that change, and DAGs that an operator has paused.

Where Airflow keeps no versions of DAG files, a run under way goes on with the new file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas_deploy.diff.members import CHANGE, REMOVE

if TYPE_CHECKING:
    from atlas.targets.airflow.api import AirflowApi
    from atlas_deploy.apply.options import Runs, Say
    from atlas_deploy.diff.deployment import DeploymentDiff

_DAGS = "AirflowDags"
_SECONDS, _POLL_SECONDS = 3600.0, 2.0


def under_way(diff: DeploymentDiff) -> Runs:
    """Return the runs under way of DAGs that change; none where Airflow keeps versions of files.

    Raises:
        PlatformError: Airflow doesn't answer.
    """
    names = [
        change.name
        for change in diff.changes
        if change.resource == _DAGS and change.action in (CHANGE, REMOVE)
    ]
    if not names or diff.services.is_versioned:
        return {}
    return dict(_airflow(diff).in_flight(names))


def drain(diff: DeploymentDiff, say: Say) -> Runs:
    """Wait until no run is under way of DAGs that change; return none.

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
                f"({text}); deploy without --wait, or mark them as failed in Airflow"
            )
        if text != reported:
            say(f"waiting for runs under way: {text}")
            reported = text
        time.sleep(_POLL_SECONDS)
    return {}


def unpause(diff: DeploymentDiff) -> None:
    """Let the DAGs run again that an operator has paused.

    Raises:
        PlatformError: Airflow doesn't answer, or refuses.
    """
    members = {name for part in diff.parts if part.kind == _DAGS for name in part.inputs["members"]}
    paused = sorted(members & {*diff.paused})
    if paused:
        _airflow(diff).unpause(paused)


def render_runs(active: Runs) -> str:
    """Return runs under way as text, the first few of many."""
    first = [f"{dag} ({', '.join(runs[:3])})" for dag, runs in [*active.items()][:3]]
    more = len(active) - len(first)
    return ", ".join(first) + (f" and those of {more} more DAGs" if more else "")


def _airflow(diff: DeploymentDiff) -> AirflowApi:
    """Return the platform's Airflow."""
    from atlas.targets.airflow.api import AirflowApi

    services = diff.services
    return AirflowApi(
        services.url("airflow"), services.url("secrets"), services.credentials("airflow")
    )
