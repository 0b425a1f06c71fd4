"""The card of a version that was registered or judged: made and attached, or a warning why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.step.failure import one_line

if TYPE_CHECKING:
    from atlas.models.champions import Champions
    from atlas.plan import Plan


def carded(champions: Champions, plan: Plan, version: str) -> tuple[str, ...]:
    """Make a version's card and attach it; whatever goes wrong doesn't undo the registration.

    Args:
        champions: the model's champion and its log.
        plan: the Plan whose ``card`` people have written.
        version: the version's number.

    Returns:
        A warning, where it couldn't be attached.
    """
    from atlas.cards import attach_card, card_of

    store, registry, model = champions.store, champions.registry, champions.model
    try:
        registered = registry.find(model, version)
        if registered is not None:
            attach_card(store, registry, card_of(champions, plan, registered))
    except Exception as error:
        text = f"model {model}, version {version}: its card isn't attached: {one_line(error)}"
        again = command("card", model, "--version", version)
        return (f"{text}; {again} attaches it",)
    return ()
