"""Schedules as one line of text, and as Kubeflow's cron: six fields, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.validate.schedule import cron_lists

if TYPE_CHECKING:
    from atlas.plan import Schedule

_FROM = " from "


def line_of(schedule: Schedule) -> str:
    """Return a schedule as one line: ``0 6 * * * from 2026-01-01``."""
    return f"{schedule.cron}{_FROM}{schedule.start}" if schedule.start else schedule.cron


def cron_of(line: str) -> str:
    """Return Kubeflow's cron of a schedule's line.

    Its seconds come first, and every list is written out.
    """
    return f"0 {cron_lists(line.partition(_FROM)[0])}"


def start_of(line: str) -> str:
    """Return from when a schedule's line is: ISO 8601 in UTC, empty for from now."""
    start = line.partition(_FROM)[2]
    if not start:
        return ""
    moment = datetime.fromisoformat(start)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
