"""The report of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.runner.flight import Flight


def write_report(flight: Flight) -> None:
    """Write a run's report beside its artifacts."""
