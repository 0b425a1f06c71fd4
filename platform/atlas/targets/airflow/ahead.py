"""DAGs of several resources rolled out, or removed, together, before each resource is handled.

Airflow looks for files every now and then, whatever is new there: who writes all files first waits
for it once. What a resource finds then is what it would have made, and it waits no more.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.kinds import content, ownership
from atlas.kinds.parsing import parse, parse_state
from atlas.targets.airflow import dag_removal
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_bundle import open_bundle
from atlas.targets.airflow.resource import OWNED, AirflowDagsInputs, patience
from atlas.targets.airflow.rollout import Member, Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from atlas.kinds.properties import Plain
    from atlas.targets.airflow.dag_bundle import DagBundle

    Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What became of DAGs that were rolled out together.

    Attributes:
        ready: those that Airflow reports as they were written.
        refused: those that Airflow can't import; their old files are back.
        silent: why, of those that it doesn't report; their old files are back.
    """

    ready: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    silent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Target:
    """An Airflow, and where it takes its files from."""

    dags: str
    airflow: str
    secrets: str
    credentials: str
    dags_credentials: str

    def open(self) -> tuple[AirflowApi, DagBundle]:
        """Return both."""
        airflow = AirflowApi(self.airflow, self.secrets, self.credentials)
        return airflow, open_bundle(self.dags, self.secrets, self.dags_credentials)


def roll_out(resources: Sequence[Plain], report: Report) -> Ahead:
    """Write the DAGs of several resources, and wait until Airflow has read them all.

    Args:
        resources: the inputs of each, of the kind `AirflowDags`.
        report: takes how many are ready, and of how many, after each look.
    """
    targets = _by_target(parse(AirflowDagsInputs, resource) for resource in resources)
    parts = [_roll_out(target, inputs, report) for target, inputs in targets.items()]
    return Ahead(
        frozenset(name for part in parts for name in part.ready),
        frozenset(name for part in parts for name in part.refused),
        {name: why for part in parts for name, why in part.silent.items()},
    )


def _by_target(resources: Iterable[AirflowDagsInputs]) -> dict[_Target, list[AirflowDagsInputs]]:
    """Return resources by the Airflow that they are on."""
    by_target: dict[_Target, list[AirflowDagsInputs]] = {}
    for inputs in resources:
        who = inputs.credentials, inputs.dags_credentials or ""
        target = _Target(inputs.dags, inputs.airflow, inputs.secrets, *who)
        by_target.setdefault(target, []).append(inputs)
    return by_target


def _roll_out(target: _Target, resources: Sequence[AirflowDagsInputs], report: Report) -> Ahead:
    members: dict[str, Member] = {}
    failed: dict[str, str] = {}
    for inputs in resources:
        try:
            contents = content.get_all(inputs.store, inputs.members)
            ownership.take(inputs.store, OWNED, contents, inputs.owner)
        except AtlasError as error:
            failed |= dict.fromkeys(inputs.members, str(error))
            continue
        members |= {name: Member(text, inputs.plans[name]) for name, text in contents.items()}
    if not members:
        return Ahead(silent=failed)
    rollout = Rollout(*target.open(), members, report=report)
    result = rollout.run(patience(len(members), rollout.bundle), threading.Event())
    refused = result.failures.keys() & rollout.imports
    silent = {name: why for name, why in result.failures.items() if name not in refused}
    return Ahead(frozenset(result.dags), frozenset(refused), {**failed, **silent})


def remove(resources: Sequence[Plain]) -> frozenset[str]:
    """Remove the DAGs of several resources, but for those of which runs are under way.

    Args:
        resources: the state of each, of the kind `AirflowDags`.

    Returns:
        The DAGs that were removed; each resource still has to give back their names.
    """
    targets = _by_target(parse_state(AirflowDagsInputs, resource) for resource in resources)
    removed: set[str] = set()
    for target, several in targets.items():
        owned = [ownership.owned(inputs.store, OWNED, inputs.owner) for inputs in several]
        names = {name for inputs in several for name in inputs.members}.union(*owned)
        # What goes wrong here is reported by the resource itself, which tries again.
        with suppress(AtlasError):
            removed |= _removed(*target.open(), names)
    return frozenset(removed)


def _removed(airflow: AirflowApi, bundle: DagBundle, names: set[str]) -> set[str]:
    paused = {name for name, dag in airflow.dags(names).items() if dag.paused}
    free = names - airflow.active_runs(names, paused).keys()
    dag_removal.remove(airflow, bundle, sorted(free))
    return free
