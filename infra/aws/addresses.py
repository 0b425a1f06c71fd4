"""The addresses of a network: which block each subnet has, and which blocks can't be right."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST, SMALLEST = 16, 20
"""The prefixes that a network may have: AWS takes none larger; pods take an address each."""
MOST_ZONES = 4
"""Blocks are kept for that many zones, so that another zone moves no subnet."""
SERVICES = "172.20.0.0/16"
"""The addresses of the cluster's services."""
_TAKEN = {"172.17.0.0/16": "the containers' own network on every node"}
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetBlocks:
    """The blocks of one zone.

    Attributes:
        private: nodes and pods, which reach the internet through a gateway.
        public: gateways and load balancers alone.
        database: databases, which reach nothing.
    """

    private: str
    public: str
    database: str


def blocks(cidr: str, zones: int) -> list[SubnetBlocks]:
    """Return the blocks of each zone of a network.

    An eighth of the network is each zone's private block; public blocks and those of databases
    are an eighth of an eighth.
    """
    eighths = list(IPv4Network(cidr).subnets(prefixlen_diff=3))
    public = list(eighths[MOST_ZONES].subnets(prefixlen_diff=3))
    database = list(eighths[MOST_ZONES + 1].subnets(prefixlen_diff=3))
    return [
        SubnetBlocks(private=str(eighths[n]), public=str(public[n]), database=str(database[n]))
        for n in range(zones)
    ]


def network(key: str, text: str) -> IPv4Network:
    """Return a setting that is a block of addresses.

    Raises:
        pulumi.RunError: it is none.
    """
    try:
        found = ip_network(text)
    except ValueError as error:
        raise pulumi.RunError(
            f"atlas:{key}: found '{text}'; expected a block such as 10.64.0.0/16 ({error})"
        ) from None
    if not isinstance(found, IPv4Network):
        raise pulumi.RunError(f"atlas:{key}: found '{text}'; expected a block of IPv4")
    return found


def own_network(text: str, others: Iterable[str]) -> str:
    """Return the block of the platform's network.

    Args:
        text: the setting.
        others: blocks of networks that are reached from there.

    Raises:
        pulumi.RunError: it is too small or large, isn't private, or overlaps another one.
    """
    found = network("cidr", text)
    if not LARGEST <= found.prefixlen <= SMALLEST:
        raise pulumi.RunError(
            f"atlas:cidr: found '{text}', {found.num_addresses} addresses; expected a block from "
            f"/{LARGEST} to /{SMALLEST}: every pod takes an address"
        )
    if not any(found.subnet_of(IPv4Network(one)) for one in _PRIVATE):
        raise pulumi.RunError(
            f"atlas:cidr: found '{text}'; expected private addresses: part of {', '.join(_PRIVATE)}"
        )
    taken = {SERVICES: "the addresses of the cluster's services", **_TAKEN}
    taken |= {one: "a network of atlas:otherNetworks" for one in others}
    for block, what in taken.items():
        if found.overlaps(network("otherNetworks", block)):
            raise pulumi.RunError(
                f"atlas:cidr: found '{text}', which overlaps {block} ({what}); expected a block "
                "that nothing else uses"
            )
    return str(found)
