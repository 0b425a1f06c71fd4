"""What a deployed monitor looks at: the pipelines of one Config, as one content of the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.monitor.spec import MonitoredPipeline
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FORMAT = 1
_WAY_OUT = "expected what Atlas writes: deploy it again"


@dataclass(frozen=True, slots=True)
class MonitoredConfig:
    """What one monitor looks at.

    Attributes:
        pipelines: the pipelines by name, with the Environment's prefix. Their target of training is
            where a monitor's task starts it: ``local`` for in the task itself.
    """

    pipelines: Mapping[str, MonitoredPipeline]

    @classmethod
    def of(cls, monitored: Iterable[MonitoredPipeline]) -> MonitoredConfig:
        """Return what a monitor of some pipelines looks at."""
        return cls({one.pipeline: one for one in monitored})

    def to_bytes(self) -> bytes:
        """Return it as one content: the same bytes for the same pipelines."""
        specs = {name: one.to_json() for name, one in self.pipelines.items()}
        return canonical({"format": _FORMAT, "pipelines": specs}).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> MonitoredConfig:
        """Read back what `to_bytes` gave.

        Raises:
            StoreError: it is none, or one of a later version of Atlas.
        """
        try:
            raw = json.loads(text)
            if raw["format"] != _FORMAT:
                found = clean(str(raw["format"]), 80)
                raise StoreError(f"what is monitored: found format {found}; {_WAY_OUT}")
            specs = {n: MonitoredPipeline.from_json(one) for n, one in raw["pipelines"].items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            kind = type(error).__name__
            raise StoreError(f"what is monitored: can't be read ({kind}); {_WAY_OUT}") from None
        if any(one.pipeline != name for name, one in specs.items()):
            raise StoreError(f"what is monitored: names differ; {_WAY_OUT}")
        return cls(specs)
