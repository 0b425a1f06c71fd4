"""DAGs of several resources rolled out, or removed, together, before each resource is.

Airflow reads its folder every few seconds, whatever is new there: who writes all files first waits
for it once. What a resource finds then is what it would have made, and it waits no more.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.kinds import content, ownership
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_folder import DagFolder
from atlas.targets.airflow.resource import OWNED, patience, take_away
from atlas.targets.airflow.rollout import Member, Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.kinds.protocol import Plain

_PLACE = ("dags", "airflow", "secrets", "credentials")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What became of DAGs that were rolled out together.

    Attributes:
        ready: those that Airflow reports as they were written.
        refused: those that Airflow can't import; their old files are back.
        silent: why, of those that it said nothing of; their old files are back.
    """

    ready: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    silent: Mapping[str, str] = field(default_factory=dict)


def roll_out(resources: Sequence[Plain], told: Callable[[int, int], None]) -> Ahead:
    """Write the DAGs of several resources, and wait until Airflow has read them all.

    Args:
        resources: the inputs of each, of the kind `AirflowDags`.
        told: takes how many are ready, and of how many, after each look.
    """
    places: dict[tuple[str, ...], list[Plain]] = {}
    for one in resources:
        places.setdefault(tuple(one[name] for name in _PLACE), []).append(one)
    found = [_at(place, ones, told) for place, ones in places.items()]
    return Ahead(
        frozenset(name for one in found for name in one.ready),
        frozenset(name for one in found for name in one.refused),
        {name: why for one in found for name, why in one.silent.items()},
    )


def _at(
    place: tuple[str, ...], resources: Sequence[Plain], told: Callable[[int, int], None]
) -> Ahead:
    dags, *airflow = place
    members: dict[str, Member] = {}
    failed: dict[str, str] = {}
    for one in resources:
        try:
            contents = content.get_all(one["store"], one["members"])
            ownership.take(one["store"], OWNED, contents, one["owner"])
        except AtlasError as error:
            failed |= dict.fromkeys(one["members"], str(error))
            continue
        members |= {name: Member(text, one["plans"][name]) for name, text in contents.items()}
    if not members:
        return Ahead(silent=failed)
    rollout = Rollout(AirflowApi(*airflow), DagFolder.at(dags), members, told=told)
    result = rollout.run(patience(len(members)), threading.Event())
    refused = result.failures.keys() & rollout.imports
    silent = {name: why for name, why in result.failures.items() if name not in refused}
    return Ahead(frozenset(result.dags), frozenset(refused), {**failed, **silent})


def remove(resources: Sequence[Plain]) -> frozenset[str]:
    """Remove the DAGs of several resources, but for those of which runs are under way.

    Args:
        resources: the state of each, of the kind `AirflowDags`.

    Returns:
        The DAGs that are gone; each resource has to give back the names yet.
    """
    places: dict[tuple[str, ...], set[str]] = {}
    for one in resources:
        names = {*one["members"], *ownership.owned(one["store"], OWNED, one["owner"])}
        places.setdefault(tuple(one[name] for name in _PLACE), set()).update(names)
    gone: set[str] = set()
    for (dags, *airflow), names in places.items():
        # What goes wrong here is told by the resource itself, which tries again.
        with suppress(AtlasError):
            gone |= _removed(AirflowApi(*airflow), DagFolder.at(dags), names)
    return frozenset(gone)


def _removed(airflow: AirflowApi, folder: DagFolder, names: set[str]) -> set[str]:
    paused = {name for name, dag in airflow.dags(names).items() if dag.paused}
    free = names - airflow.active_runs(names, paused).keys()
    take_away(airflow, folder, sorted(free))
    return free
