"""What became of a run."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas.dataclass import dataclass
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from atlas.models.promotion import Promotion
    from atlas.store import Store


class Left(NamedTuple):
    """What a run has left behind, for its report: the store, and how it ended, once known."""

    store: Store
    finished: Finished | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a run.

    Attributes:
        status: ``done`` or ``failed``.
        missing: steps that aren't done.
        model: the registered name of the model that it trained, or empty.
        version: the new version's number.
        promotion: whether that is the champion now, and why.
        tracked: MLflow's id of the run; empty when it waits in the outbox.
        warnings: what didn't work out beside the run itself.
    """

    status: str
    missing: tuple[str, ...] = ()
    model: str = ""
    version: str = ""
    promotion: Promotion | None = None
    tracked: str = ""
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def waits(self) -> bool:
        """Whether the version waits for other members of its family."""
        return self.promotion is not None and self.promotion.waits

    def to_json(self) -> dict[str, Any]:
        """Return what came of the run besides its steps, as plain data without what is empty."""
        raw = asdict(self)
        names = ("model", "version", "promotion", "tracked", "warnings")
        return {name: raw[name] for name in names if raw[name]}

    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        lines = [f"warning: {text}" for text in self.warnings]
        if self.missing:
            lines.append(f"not done: {', '.join(self.missing)}")
        if self.model:
            lines.append(f"{self.model} version {self.version} is registered")
        if self.promotion:
            verb = "is" if self.promotion.promoted else "isn't"
            verb = "isn't yet" if self.promotion.waits else verb
            lines.append(f"version {self.version} {verb} the {CHAMPION}: {self.promotion.reason}")
        return lines
