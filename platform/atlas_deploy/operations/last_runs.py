"""The last runs of what is deployed, and what keeps those that are under way from going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas_deploy.live import state
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services


@dataclass(frozen=True, slots=True)
class LastRuns:
    """The last runs of a resource's members.

    Attributes:
        runs: id and state by member.
        unstarted: what keeps one that is under way from going on, by member.
    """

    runs: Mapping[str, tuple[str, str]]
    unstarted: Mapping[str, Sequence[str]]


def last_runs(resources: Sequence[Resource], services: Services) -> list[LastRuns]:
    """Return the last runs of each resource, asking each service once.

    Raises:
        PlatformError: an orchestrator doesn't answer.
    """
    found: dict[int, LastRuns] = {}
    for numbers in state.together(resources):
        merged = _last_runs_of(state.merged([resources[n] for n in numbers]), services)
        for number in numbers:
            own = resources[number].inputs["members"]
            found[number] = LastRuns(
                {name: run for name, run in merged.runs.items() if name in own},
                {name: texts for name, texts in merged.unstarted.items() if name in own},
            )
    return [found[number] for number in range(len(resources))]


def _last_runs_of(resource: Resource, services: Services) -> LastRuns:
    kind = kind_of_target(resource.kind)
    if kind is None:
        return LastRuns({}, {})
    operations = kind.operations()
    last = operations.last_runs(resource.inputs)
    return LastRuns(last, operations.unstarted(resource.inputs, last, services))
