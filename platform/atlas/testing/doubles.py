"""What a unit test hands to a step in place of a run's data and context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atlas.template import Context


@dataclass
class MemoryData:
    """Data that a test hands to a step: `read` gives a value, `write` keeps one.

    Attributes:
        value: what is read, and what was written last.
        name: its name in the Config.
        uri: where it would be.
        format: ``parquet``, ``csv``, ``json`` or ``bytes``.
    """

    value: Any = None
    name: str = "data"
    uri: str = "memory:"
    format: str = "parquet"

    def read(self) -> Any:
        """Return the value."""
        return self.value

    def write(self, value: Any) -> None:
        """Keep the value."""
        self.value = value


def recording(**facts: Any) -> tuple[Context, dict[str, float]]:
    """Return a context for a step, and the metrics that the step will have recorded in it.

    Args:
        **facts: further attributes of the context: ``run``, ``secrets``, ``index`` …
    """
    metrics: dict[str, float] = {}
    return Context(metric=metrics.__setitem__, **facts), metrics
