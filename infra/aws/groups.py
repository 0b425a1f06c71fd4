"""The size of a platform, with what the configuration changes of it: its nodes, above all."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pulumi

from infra.aws.configuration import flag
from infra.aws.machines import DATABASE, checked_types
from infra.aws.sizes import GPU, SIZES, SMALL, AwsSize, NodeGroupSize
from infra.kubernetes.configuration import structure
from infra.settings import number, one_of

NATS = ("one", "per-zone", "none")


def size_of(config: pulumi.Config) -> AwsSize:
    """Return the size, with what the configuration changes of it."""
    size = SIZES[one_of("size", config.get("size") or SMALL.name, tuple(SIZES))]
    nat = one_of("nat", config.get("nat") or size.nat, NATS)
    endpoints = flag(config, "endpoints", size.endpoints)
    if nat == NATS[2] and not endpoints:
        raise pulumi.RunError(
            "atlas:nat: found 'none' without atlas:endpoints; expected true there: nodes would "
            "reach neither the cluster nor the registry"
        )
    days = number(config, "logDays") or size.log_days
    if days not in _LOG_DAYS:
        raise pulumi.RunError(
            f"atlas:logDays: found {days}; expected one of {', '.join(map(str, _LOG_DAYS))}"
        )
    database = config.get("databaseClass") or size.database
    if not DATABASE.fullmatch(database):
        raise pulumi.RunError(
            f"atlas:databaseClass: found '{database}'; expected a class of RDS, such as "
            "db.t4g.medium"
        )
    return replace(
        size,
        nat=nat,
        endpoints=endpoints,
        flow_logs=flag(config, "flowLogs", size.flow_logs),
        nodes=_nodes(config, size),
        database=database,
        log_days=days,
    )


_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
"""The days that CloudWatch keeps logs for."""


def _nodes(config: pulumi.Config, size: AwsSize) -> dict[str, NodeGroupSize]:
    """Return the groups of nodes; one that is false isn't made.

    Raises:
        pulumi.RunError: a group or a key is unknown, or a value can't be right.
    """
    given = structure(config, "nodes", {})
    if not isinstance(given, dict) or given.keys() - size.nodes.keys():
        raise pulumi.RunError(
            f"atlas:nodes: found {given!r}; expected an object of {', '.join(size.nodes)}"
        )
    return {
        name: _group(name, default, given.get(name, {}))
        for name, default in size.nodes.items()
        if name == "cpu" or given.get(name) is not False
    }


def _group(name: str, default: NodeGroupSize, given: Any) -> NodeGroupSize:
    """Return a group of nodes.

    Raises:
        pulumi.RunError: a key is unknown, or a value can't be right.
    """
    key, known = f"nodes.{name}", [one.name for one in fields(NodeGroupSize)]
    if not isinstance(given, dict) or given.keys() - set(known):
        raise pulumi.RunError(
            f"atlas:{key}: found {given!r}; expected an object of {', '.join(known)}"
        )
    types = given.get("types", default.types)
    numbers = {n: given.get(n, getattr(default, n)) for n in ("least", "most", "disk")}
    if not isinstance(types, list | tuple) or not all(type(n) is int for n in numbers.values()):
        raise pulumi.RunError(f"atlas:{key}: found {given!r}; expected a list and whole numbers")
    found = NodeGroupSize(
        types=checked_types(f"{key}.types", map(str, types), gpu=name == GPU), **numbers
    )
    if not 0 <= found.least <= found.most or found.most < 1 or found.disk < 20:  # noqa: PLR2004
        raise pulumi.RunError(
            f"atlas:{key}: found least {found.least}, most {found.most}, disk {found.disk}; "
            "expected 0 ≤ least ≤ most, most ≥ 1, disk ≥ 20 (GiB)"
        )
    return found
