"""One metric of the catalogue, and the parts of a group that metrics are in."""

from __future__ import annotations

from atlas.dataclass import dataclass

RUN = "run"
"""Part of a group that every run replaces, whether it succeeds or fails."""
BATCH = "batch"
"""Part of a group that only successful runs replace: it describes the last success."""
PUSH = "push"
"""Part of a group that every push replaces."""
MONITOR = "monitor"
"""The group of a pipeline's monitor, which every check replaces as a whole: its flow is this."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: its name; a name with a unit ends with it.
        help: the text of its HELP line.
        labels: its own labels, besides those of the group.
        part: the part of the group that it is in: `RUN`, `BATCH`, `PUSH` or `MONITOR`.
        unit: ``seconds``, or empty for a plain number.
        most: how many series of it a group has at most; others are left out, and counted.
        type: its Prometheus type.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    part: str = RUN
    unit: str = ""
    most: int = 1
    type: str = "gauge"
