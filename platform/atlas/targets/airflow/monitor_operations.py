"""What is done with deployed monitors besides making, reading and deleting them: as with DAGs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.targets.airflow.operations import AirflowOperations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from atlas.kinds.properties import Plain
    from atlas.kinds.protocol import Kind


class MonitorOperations(AirflowOperations):
    """What is done with resources of the kind `RetrainingMonitor`."""

    def roll_out(
        self, resources: Sequence[Plain], progress: Callable[[int, int], None]
    ) -> Mapping[str, str]:
        """Write the DAGs of several resources, and wait until Airflow has read them all."""
        return super().roll_out([_as_dags(resource) for resource in resources], progress)

    def remove(self, resources: Sequence[Plain]) -> frozenset[str]:
        """Remove the DAGs of several resources, but for those of which runs are under way."""
        return super().remove([_as_dags(resource) for resource in resources])

    def handler_after(self, removed: Collection[str]) -> Kind[Any, Any] | None:
        """Return the handler that leaves alone the DAGs that are gone."""
        from atlas.targets.airflow.monitor_resource import RetrainingMonitorKind

        return RetrainingMonitorKind(removed)


def _as_dags(resource: Plain) -> Plain:
    """Return a resource as one of the kind `AirflowDags`."""
    rest = {name: value for name, value in resource.items() if name != "monitors"}
    return {**rest, "plans": resource["monitors"]}
