"""What a deployed monitor looks at: the pipelines of one Config, as one content of the store."""

from __future__ import annotations

import json
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.monitor.spec import MonitoredPipeline
from atlas.store.manifest import DIGEST
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FORMAT = 1
_WAY_OUT = "expected what Atlas writes: deploy it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedTraining:
    """Where a retraining of a pipeline is started, and what is deployed there.

    Attributes:
        target: ``local``, or a target's name. A target without a server on its platform is
            ``local``: the monitor's own task trains.
        kind: the kind of the resource that has the training flow; empty for none.
        content: digest of the file that is deployed; empty for none.
    """

    target: str
    kind: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class MonitoredConfig:
    """What one monitor looks at.

    Attributes:
        pipelines: the pipelines by name, with the Environment's prefix.
        training: where each is trained again.
    """

    pipelines: Mapping[str, MonitoredPipeline]
    training: Mapping[str, DeployedTraining] = field(default_factory=dict)

    @classmethod
    def of(
        cls, monitored: Iterable[MonitoredPipeline], training: Mapping[str, DeployedTraining]
    ) -> MonitoredConfig:
        """Return what a monitor of some pipelines looks at."""
        return cls({one.pipeline: one for one in monitored}, training)

    def to_bytes(self) -> bytes:
        """Return it as one content: the same bytes for the same pipelines."""
        raw = {
            "format": _FORMAT,
            "pipelines": {name: one.to_json() for name, one in self.pipelines.items()},
            "training": {name: asdict(one) for name, one in self.training.items()},
        }
        return canonical(raw).encode()

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
            training = {n: _training(one) for n, one in raw["training"].items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            kind = type(error).__name__
            raise StoreError(f"what is monitored: can't be read ({kind}); {_WAY_OUT}") from None
        odd = sorted(name for name, one in specs.items() if one.pipeline != name)
        if odd or training.keys() - specs.keys():
            raise StoreError(f"what is monitored: names differ; {_WAY_OUT}")
        return cls(specs, training)


def _training(raw: Mapping[str, Any]) -> DeployedTraining:
    """Return where a pipeline is trained.

    Raises:
        ValueError, TypeError: it doesn't say that.
    """
    made = DeployedTraining(**raw)
    texts = all(isinstance(text, str) for text in (made.target, made.kind, made.content))
    if not texts or not made.target or (made.content and not DIGEST.fullmatch(made.content)):
        raise ValueError("expected a target, a kind and a digest")
    return made
