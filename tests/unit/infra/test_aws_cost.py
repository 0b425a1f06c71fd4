"""The estimate of docs/aws.md is what its own table of prices gives for the sizes that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.aws.network import _INTERFACES
from infra.aws.settings import SETTINGS
from infra.aws.sizes import CPU, SIZES

PAGE = Path(__file__).parents[3] / "docs" / "aws.md"
HOURS = 730
"""Hours of a month."""
VOLUMES = {"small": 83, "production": 1020}
"""GiB of the volumes of pods, of what isn't the account's own service."""


def amounts(size):
    """Return how much of each priced thing a size has, before anything runs on it."""
    cpu = size.nodes[CPU]
    nodes = size.zones * cpu.least
    gateways = {"one": 1, "per-zone": size.zones, "none": 0}[size.nat]
    return {
        "EKS, a cluster": HOURS,
        cpu.types[0]: nodes * HOURS,
        "disks and volumes, gp3": nodes * cpu.disk + VOLUMES[size.name],
        "NAT gateway": gateways * HOURS,
        "public IPv4 address": gateways * HOURS,
        "endpoint in a zone": len(_INTERFACES) * size.zones * HOURS if size.endpoints else 0,
        f"{size.database}, PostgreSQL": (2 if size.standby else 1) * HOURS,
        "RDS storage, gp3": (2 if size.standby else 1) * size.database_storage[0],
        "KMS key": 3,
        "secret": 1,
    }


def prices():
    """Return the prices of the page, by what they are of, in US dollars."""
    lines = PAGE.read_text("utf-8").split("## What it costs")[1].split("\n## ")[0].splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells if len(row) == 4 and row[1][:1].isdigit()}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_estimate_is_the_sum_of_the_pages_prices(name):
    known, column = prices(), 1 + sorted(SIZES, reverse=True).index(name)
    total = 0.0
    for what, amount in amounts(SIZES[name]).items():
        price = float(known[what][0].split(" ")[0])
        cost = price * amount
        shown = known[what][column].replace(",", "").strip("-") or "0"
        assert float(shown) == pytest.approx(cost, abs=0.51), what
        total += cost
    page = PAGE.read_text("utf-8")
    assert f"{name}: about {round(total, -1):,.0f} US dollars a month" in page


def test_every_setting_is_on_the_page():
    told = set(re.findall(r"`atlas:(\w+)`", PAGE.read_text("utf-8").split("## Settings")[1]))
    assert told >= SETTINGS
