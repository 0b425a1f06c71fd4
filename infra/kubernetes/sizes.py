"""The sizes of a platform on a cluster: what each has of replicas, room and power."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Resources = Mapping[str, Mapping[str, str]]


def resources(cpu: str, memory: str, limit: str) -> Resources:
    """Return requests of CPU and memory, and the limit of memory; CPU isn't limited, only shared.

    Args:
        cpu: cores, such as ``100m``.
        memory: bytes, such as ``256Mi``.
        limit: bytes that the container is stopped at.
    """
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSize:
    """What a size comes to.

    Attributes:
        name: its name.
        replicas: replicas of each server that keeps nothing itself.
        databases: how many PostgreSQL servers there are; of several, an operator has one write, and
            another take its place.
        parallelism: how many tasks Airflow runs at a time.
        default: requests and limits of a container that isn't named in `containers`.
        containers: requests and limits by the name of the container.
        volumes: size of a volume by the name of its PersistentVolumeClaim, or of the service.
    """

    name: str
    replicas: int
    databases: int
    parallelism: int
    default: Resources
    containers: Mapping[str, Resources]
    volumes: Mapping[str, str]


_SMALL_CONTAINERS = {
    "scheduler": resources("200m", "1Gi", "3Gi"),
    "api-server": resources("200m", "768Mi", "2Gi"),
    "dag-processor": resources("100m", "512Mi", "1Gi"),
    "triggerer": resources("100m", "512Mi", "1Gi"),
    "wait-for-airflow-migrations": resources("50m", "256Mi", "1Gi"),
    "run-airflow-migrations": resources("100m", "512Mi", "1Gi"),
    "create-user": resources("100m", "512Mi", "1Gi"),
    "ml-pipeline-api-server": resources("250m", "500Mi", "1Gi"),
    "ml-pipeline-visualizationserver": resources("30m", "500Mi", "1Gi"),
    "workflow-controller": resources("100m", "500Mi", "1Gi"),
    "mysql": resources("100m", "800Mi", "2Gi"),
    "seaweedfs": resources("64m", "256Mi", "1Gi"),
    "mlflow": resources("200m", "1Gi", "2Gi"),
    "postgresql": resources("200m", "512Mi", "1Gi"),
    "prometheus": resources("200m", "1Gi", "2Gi"),
    "alertmanager": resources("20m", "64Mi", "256Mi"),
}
SMALL = PlatformSize(
    name="small",
    replicas=1,
    databases=1,
    parallelism=4,
    default=resources("20m", "64Mi", "512Mi"),
    containers=MappingProxyType(_SMALL_CONTAINERS),
    volumes=MappingProxyType(
        {
            **{"logs": "10Gi", "mysql-pv-claim": "20Gi", "seaweedfs-pvc": "20Gi"},
            **{"postgresql": "20Gi", "object-store": "50Gi", "registry": "50Gi"},
            **{"prometheus": "20Gi", "alertmanager": "2Gi", "pushgateway": "1Gi"},
        }
    ),
)
PRODUCTION = PlatformSize(
    name="production",
    replicas=2,
    databases=3,
    parallelism=32,
    default=resources("100m", "256Mi", "1Gi"),
    containers=MappingProxyType(
        {
            **_SMALL_CONTAINERS,
            "scheduler": resources("1", "2Gi", "8Gi"),
            "api-server": resources("500m", "2Gi", "4Gi"),
            "dag-processor": resources("500m", "1Gi", "2Gi"),
            "triggerer": resources("500m", "1Gi", "2Gi"),
            "ml-pipeline-api-server": resources("1", "1Gi", "4Gi"),
            "workflow-controller": resources("500m", "1Gi", "4Gi"),
            "mysql": resources("500m", "2Gi", "4Gi"),
            "seaweedfs": resources("500m", "1Gi", "4Gi"),
            "mlflow": resources("500m", "2Gi", "4Gi"),
            "postgresql": resources("1", "4Gi", "8Gi"),
            "prometheus": resources("1", "4Gi", "8Gi"),
        }
    ),
    volumes=MappingProxyType(
        {
            **{"logs": "100Gi", "mysql-pv-claim": "100Gi", "seaweedfs-pvc": "500Gi"},
            **{"postgresql": "100Gi", "object-store": "1Ti", "registry": "500Gi"},
            **{"prometheus": "200Gi", "alertmanager": "10Gi", "pushgateway": "10Gi"},
        }
    ),
)
SIZES: Mapping[str, PlatformSize] = {size.name: size for size in (SMALL, PRODUCTION)}
"""Size by its name in the stack's configuration."""
