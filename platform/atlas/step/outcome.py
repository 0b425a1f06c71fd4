"""How a step ended: what is recorded for everyone who asks later."""

from __future__ import annotations

from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.masking import Mask

DONE = "done"
FAILED = "failed"
SKIPPED = "skipped"
"""Status of a step whose condition wasn't true, or that needs what such a step would have made."""
PARTIAL = "partial"
"""Status of a run of which only some steps were asked for, and those are done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step, or one key of it, ended.

    Attributes:
        status: ``done``, ``failed`` or ``skipped``.
        plan: digest of the Plan that it ran under.
        started: ISO 8601 in UTC.
        ended: ISO 8601 in UTC.
        seconds: how long it took, by a clock that never goes backwards.
        attempts: how often it was tried.
        cached: whether an earlier result was taken.
        reason: which run's result was taken, or why none was; why it was skipped.
        key: the cache key, of what could change the result.
        parts: what the key is made of, as short digests, so that a later run can say what changed.
        metrics: the step's metrics.
        outputs: output → sha256.
        error: what went wrong, in one line.
        traceback: the user's, from their own frame.
        notes: what went wrong without failing the step.
        provenance: what it was made with, as `atlas.step.provenance` gives it.
        statistics: what it counted, as `atlas.step.statistics` gives it.
    """

    status: str
    plan: str = ""
    started: str = ""
    ended: str = ""
    seconds: float = 0.0
    attempts: int = 1
    cached: bool = False
    reason: str = ""
    key: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the step is done, or was skipped as it should be."""
        return self.status in (DONE, SKIPPED)

    @property
    def is_skipped(self) -> bool:
        """Whether the run did without the step."""
        return self.status == SKIPPED

    def masked(self, mask: Mask) -> Outcome:
        """Return the outcome without secrets."""
        if not mask:
            return self
        return replace(
            self,
            reason=mask.text(self.reason),
            metrics=mask.plain(dict(self.metrics)),
            error=mask.text(self.error),
            traceback=mask.text(self.traceback),
            notes=tuple(map(mask.text, self.notes)),
            provenance=mask.plain(dict(self.provenance)),
            statistics=mask.plain(dict(self.statistics)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain data, without what is empty."""
        every = ((name, getattr(self, name)) for name in _NAMES)
        return {name: value for name, value in every if value or name == "seconds"}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Outcome:
        """Read back what `to_json` gave."""
        given = {key: value for key, value in raw.items() if key in _NAMES and _fits(key, value)}
        return cls(**{"status": FAILED, **given, "notes": tuple(given.get("notes", ()))})


_NAMES = tuple(field.name for field in fields(Outcome))
_EMPTY = Outcome(FAILED)
_KINDS: Mapping[type, Any] = {float: (int, float), tuple: (list, tuple)}


def _fits(name: str, value: Any) -> bool:
    """Tell whether a field may have a value: what others have written may be of any kind."""
    kind = type(getattr(_EMPTY, name))
    return isinstance(value, _KINDS.get(kind, kind))
