"""Runs under way while their DAGs change, and pauses of operators that are to end.

Where Airflow keeps no versions of DAG files, a run under way goes on with the new file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas_deploy.diff.members import CHANGE, REMOVE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.targets.airflow.api import AirflowApi
    from atlas_deploy.diff.deployment import Outlook
    from atlas_deploy.live.snapshot import Say

_DAGS = "AirflowDags"
_SECONDS, _POLL_SECONDS = 3600.0, 2.0


def under_way(found: Outlook) -> dict[str, Sequence[str]]:
    """Return the runs under way of DAGs that change; none where Airflow keeps versions of files.

    Raises:
        PlatformError: Airflow doesn't answer.
    """
    names = [
        change.name
        for change in found.changes
        if change.resource == _DAGS and change.action in (CHANGE, REMOVE)
    ]
    if not names or found.services.is_versioned:
        return {}
    return dict(_airflow(found).in_flight(names))


def drained(found: Outlook, say: Say) -> dict[str, Sequence[str]]:
    """Wait until no run is under way of DAGs that change; return none.

    Raises:
        DeployError: they don't end within an hour.
    """
    end = time.monotonic() + _SECONDS
    told = ""
    while flying := under_way(found):
        said = said_of(flying)
        if time.monotonic() > end:
            raise DeployError(
                f"{found.deployment.stack}: runs are still under way after {_SECONDS:.0f} s "
                f"({said}); deploy without --wait, or mark them as failed in Airflow"
            )
        if said != told:
            say(f"waiting for runs under way: {said}")
            told = said
        time.sleep(_POLL_SECONDS)
    return {}


def unpause(found: Outlook) -> None:
    """Let the DAGs run again that an operator has paused.

    Raises:
        PlatformError: Airflow doesn't answer, or refuses.
    """
    wanted = {name for one in found.parts if one.kind == _DAGS for name in one.inputs["members"]}
    held = sorted(wanted & {*found.held})
    if held:
        _airflow(found).unpause(held)


def said_of(flying: Mapping[str, Sequence[str]]) -> str:
    """Return runs under way in words, the first few of many."""
    first = [f"{dag} ({', '.join(runs[:3])})" for dag, runs in [*flying.items()][:3]]
    more = len(flying) - len(first)
    return ", ".join(first) + (f" and those of {more} more DAGs" if more else "")


def _airflow(found: Outlook) -> AirflowApi:
    """Return the platform's Airflow."""
    from atlas.targets.airflow.api import AirflowApi

    services = found.services
    return AirflowApi(
        services.url("airflow"), services.url("secrets"), services.credentials("airflow")
    )
