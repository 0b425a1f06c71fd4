"""What a trigger gives: its state, and the event to write where it fires."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from atlas.monitor.checked import TriggerState
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.life import Armed, ChampionLife


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trigger has seen.

    Attributes:
        state: its state, before the event is written.
        event: the event to write; None where there is nothing new.
    """

    state: TriggerState
    event: TriggerEvent | None = None


class Trigger(Protocol):
    """A trigger."""

    def __call__(self, life: ChampionLife) -> Seen | None:
        """Look at a champion's life; None where the Config doesn't ask for it."""


def seen(
    life: ChampionLife,
    armed: Armed,
    state: TriggerState,
    *,
    fires: bool,
    numbers: dict[str, object],
) -> Seen:
    """Return what a trigger has seen, with the event where it fires and is armed.

    Args:
        life: the champion's life.
        armed: whether it may fire.
        state: its state as far as it is about what is there now.
        fires: whether what is there now makes it fire.
        numbers: of the event.
    """
    if armed.event is not None:
        result = life.results[armed.event.id]
        why = f"fired: {armed.event.why}"
        why += f" (its retraining: {result})" if result else ""
        return Seen(replace(state, fired=True, event=armed.event.id, why=why))
    if not fires:
        return Seen(state)
    return Seen(state, life.draft(state.name, armed, numbers, state.why))
