"""What a check has found: the state of each trigger, the events, and what to warn of."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.monitor.events import TriggerEvent

ESTIMATE = "estimate"
"""Name of the state of the warning of a metric that is likely to be worse; it isn't a trigger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """What one trigger sees.

    Attributes:
        name: ``new_rows``, ``new_labels``, ``degradation``, ``drift``; or ``estimate``, which only
            warns.
        fired: whether it has fired in this life, and nothing has come of that which arms it again;
            of ``estimate``, whether it warns.
        value: what is compared; None where there is nothing to compare yet.
        threshold: what it is compared with; None likewise.
        unit: of both: ``rows``, ``labels``, a metric's name, or ``distance``.
        spent: the risk of a false alarm that is spent so far; 0 for a trigger that has none.
        budget: that of the whole life; 0 for a trigger that promises nothing.
        event: id of the event; empty while it hasn't fired.
        why: the state in words.
        details: more numbers; plain data.
    """

    name: str
    fired: bool = False
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    spent: float = 0.0
    budget: float = 0.0
    event: str = ""
    why: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSummary:
    """A look that this check has made.

    Attributes:
        number: in the life.
        batch: the batch that it was about.
        alarms: how many distances alarm.
        void: why nothing could be seen, or empty.
    """

    number: int
    batch: str
    alarms: int = 0
    void: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPipeline:
    """What a check of one pipeline has found.

    Attributes:
        pipeline: its name, with the Environment's prefix.
        model: registered name of its model.
        environment: the Environment's name.
        champion: the champion's version; empty for none.
        digest: digest of its parts.
        reference: sha256 of what it was trained on; empty where that isn't known.
        checked: when, ISO 8601 in UTC.
        batches: how many batches it has scored.
        rows: how many rows these have.
        triggers: those of the Config, and ``estimate`` where it has that.
        events: those that this check has written.
        open: all events of the pipeline that something is still to come of, the oldest first.
        looks: those that this check has made.
        breaches: batch → where it breaks what the training data promise, in words; the last 20.
        warnings: what keeps a trigger from seeing something.
        error: why it couldn't be checked; empty where it could.
    """

    pipeline: str
    model: str
    environment: str
    champion: str = ""
    digest: str = ""
    reference: str = ""
    checked: str = ""
    batches: int = 0
    rows: int = 0
    triggers: tuple[TriggerState, ...] = ()
    events: tuple[TriggerEvent, ...] = ()
    open: tuple[TriggerEvent, ...] = ()
    looks: tuple[LookSummary, ...] = ()
    breaches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def fired(self) -> tuple[str, ...]:
        """Names of the triggers that have fired; never ``estimate``."""
        return tuple(state.name for state in self.triggers if state.fired and state.event)

    def state(self, name: str) -> TriggerState | None:
        """Return the state of a trigger; None where the Config doesn't have it."""
        return next((state for state in self.triggers if state.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        nested = {
            "triggers": [state.to_json() for state in self.triggers],
            "events": [event.to_json() for event in self.events],
            "open": [event.to_json() for event in self.open],
            "looks": [asdict(look) for look in self.looks],
            "breaches": {batch: [*found] for batch, found in self.breaches.items()},
            "warnings": [*self.warnings],
        }
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in nested}
        return {**plain, **nested}
