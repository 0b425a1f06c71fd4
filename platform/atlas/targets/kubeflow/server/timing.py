"""Which recurring runs pipelines have, and making them those that they should have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.step.ticks import BY_CLOCK
from atlas.targets.kubeflow import words
from atlas.targets.kubeflow.server.clock import cron_of, start_of
from atlas.targets.kubeflow.server.runs import experiment
from atlas.targets.kubeflow.server.schedules import delete_recurring, recur, recurring_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.targets.kubeflow.server.api import Api
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion
    from atlas.targets.kubeflow.server.schedules import Recurring

_MARK = "Made by Atlas: "
_PARAMETERS = {words.INTERVAL_END: BY_CLOCK}
"""Facts of a scheduled run: its first step finds the interval, its id is Kubeflow's own."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What starts a pipeline's runs.

    Attributes:
        runs: Atlas's recurring runs of its name; of more than one, some are left from a kill, or
            a network has made them of one request.
        when: when the one that is right runs, as a schedule of the resource; empty for none.
        is_paused: whether somebody has stopped it.
    """

    runs: Sequence[Recurring]
    when: str = ""
    is_paused: bool = False

    @property
    def is_one(self) -> bool:
        """Whether exactly the right one is there, so that there is nothing to mend."""
        return bool(self.when) and len(self.runs) == 1


def schedules_of(api: Api, versions: Mapping[str, PipelineVersion | None]) -> dict[str, Timing]:
    """Return what starts the runs of some versions, by deployed name; one list for all of them.

    Args:
        api: the server.
        versions: version by name; one of another version isn't right.
    """
    prefix = os.path.commonprefix([*versions])  # noqa: RUF071 - no paths
    mine = [run for run in recurring_runs(api, prefix) if run.description.startswith(_MARK)]
    by_name = {name: [run for run in mine if run.name == name] for name in versions}
    return {name: _timing(runs, versions[name]) for name, runs in by_name.items()}


def keep_schedules(api: Api, desired: Mapping[str, tuple[PipelineVersion, str]]) -> list[str]:
    """Make the recurring runs of some pipelines what they should be.

    The new one is made before the old one is deleted, so that a kill in between loses neither the
    schedule nor that somebody has stopped it; for that moment both are there.

    Args:
        api: the server.
        desired: version and schedule by deployed name; an empty one for none.

    Returns:
        The names whose recurring run somebody has stopped; it stays so.
    """
    there = schedules_of(api, {name: version for name, (version, _) in desired.items()})
    paused = []
    for name, (version, when) in desired.items():
        if _keep(api, name, version, when, there[name]):
            paused.append(name)
    return paused


def _keep(api: Api, name: str, version: PipelineVersion, when: str, timing: Timing) -> bool:
    """Make one pipeline's recurring run what it should be; return whether it is stopped."""
    right = [run for run in timing.runs if _is_right(run, version, when)]
    was_paused = bool(timing.runs) and not any(run.enabled for run in timing.runs)
    kept = right[0] if right else None
    if when and kept is None:
        kept = recur(
            api,
            version,
            experiment(api, name, f"{_MARK}runs of {name}"),
            name,
            cron=cron_of(when),
            start=start_of(when),
            description=_MARK + when,
            enabled=not was_paused,
            parameters=_PARAMETERS,
        )
    _delete_others(api, timing, kept)
    if kept is not None and not right:  # The request for it may have arrived twice.
        _delete_others(api, schedules_of(api, {name: version})[name], kept)
    return kept is not None and not kept.enabled


def _delete_others(api: Api, timing: Timing, kept: Recurring | None) -> None:
    """Delete a pipeline's recurring runs but one."""
    for run in timing.runs:
        if kept is None or run.id != kept.id:
            delete_recurring(api, run.id)


def _is_right(run: Recurring, version: PipelineVersion | None, when: str) -> bool:
    """Tell whether a recurring run is what Atlas would make now."""
    is_of = version is not None and run.version == version.id
    is_as_made = not run.catches_up and run.parameters == _PARAMETERS
    return bool(when) and is_of and run.description == _MARK + when and is_as_made


def _timing(runs: Sequence[Recurring], version: PipelineVersion | None) -> Timing:
    whens = [run.description.removeprefix(_MARK) for run in runs]
    right = [
        (run, when) for run, when in zip(runs, whens, strict=True) if _is_right(run, version, when)
    ]
    if not right:
        return Timing(runs)
    run, when = right[0]
    return Timing(runs, when, is_paused=not run.enabled)
