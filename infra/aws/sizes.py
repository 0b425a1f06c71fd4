"""The sizes of a platform on AWS: its machines, its database, how long things are kept."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GPU, SPOT, CPU = "gpu", "spot", "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroupSize:
    """A group of nodes.

    Attributes:
        types: its types of machines; of a spot group, the more the better.
        least: nodes that are always there; of `cpu`, in each zone.
        most: nodes that there are at most; of `cpu`, in each zone.
        disk: GiB of each node's disk.
    """

    types: tuple[str, ...]
    least: int
    most: int
    disk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSize:
    """What a size comes to.

    Attributes:
        name: its name, that of a size of `infra.kubernetes` too.
        zones: availability zones.
        nat: ``one`` NAT gateway, or one ``per-zone``.
        endpoints: whether AWS's own services are reached by endpoints in the network.
        flow_logs: whether the network's connections are logged.
        nodes: the groups of nodes.
        database: class of the database's machine.
        database_storage: GiB of the database's disk, at first and at most.
        standby: whether the database has a standby in another zone.
        backup_days: days that the database's backups are kept.
        log_days: days that logs are kept.
    """

    name: str
    zones: int
    nat: str
    endpoints: bool
    flow_logs: bool
    nodes: Mapping[str, NodeGroupSize]
    database: str
    database_storage: tuple[int, int]
    standby: bool
    backup_days: int
    log_days: int


_SPOT = ("m7i.xlarge", "m6i.xlarge", "m7a.xlarge", "m6a.xlarge", "m5.xlarge", "m5a.xlarge")
SMALL = AwsSize(
    name="small",
    zones=2,
    nat="one",
    endpoints=False,
    flow_logs=False,
    nodes=MappingProxyType(
        {
            CPU: NodeGroupSize(types=("m7i.xlarge",), least=1, most=3, disk=80),
            GPU: NodeGroupSize(types=("g6.xlarge",), least=0, most=1, disk=120),
            SPOT: NodeGroupSize(types=_SPOT, least=0, most=4, disk=80),
        }
    ),
    database="db.t4g.medium",
    database_storage=(20, 100),
    standby=False,
    backup_days=7,
    log_days=30,
)
PRODUCTION = AwsSize(
    name="production",
    zones=3,
    nat="per-zone",
    endpoints=True,
    flow_logs=True,
    nodes=MappingProxyType(
        {
            CPU: NodeGroupSize(types=("m7i.2xlarge",), least=1, most=10, disk=150),
            GPU: NodeGroupSize(types=("g6.2xlarge", "g5.2xlarge"), least=0, most=8, disk=200),
            SPOT: NodeGroupSize(
                types=tuple(one.replace(".xlarge", ".2xlarge") for one in _SPOT),
                least=0,
                most=50,
                disk=150,
            ),
        }
    ),
    database="db.m7g.large",
    database_storage=(100, 1000),
    standby=True,
    backup_days=35,
    log_days=365,
)
SIZES: Mapping[str, AwsSize] = {size.name: size for size in (SMALL, PRODUCTION)}
"""Size by its name in the stack's configuration."""
