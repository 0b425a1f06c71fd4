"""The cards of the models that a name or a PATH stands for."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_deploy.training.models import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.cards import ModelCard
    from atlas.plan import Plan
    from atlas_deploy.training.models import OpenedModels


@contextmanager
def cards_of(thing: str, version: str, env: str) -> Iterator[tuple[OpenedModels, list[ModelCard]]]:
    """Make the cards of models, for as long as the context lasts.

    Args:
        thing: a model's registered name, or a PATH.
        version: number or alias.
        env: name of the Environment.

    Raises:
        AtlasError: there is no such model, or no such version of it.
        PlatformError: a service that the Environment names doesn't answer.
    """
    path = Path(thing)
    name = "" if path.exists() else thing
    with opened(Path() if name else path, env) as models:
        plans = _of_name(models.plans, name) if name else models.plans
        yield models, [_card(models, plan, version) for plan in plans]


def _of_name(plans: tuple[Plan, ...], name: str) -> tuple[Plan, ...]:
    from atlas.errors import AtlasError
    from atlas.load import nearest

    known = {plan.model.name: plan for plan in plans if plan.model}
    if name not in known:
        hint = nearest(name, known)
        expected = f"expected one of {', '.join(sorted(known))}, or a PATH"
        message = f"there is no model or file '{name}' here; {expected}"
        raise AtlasError(f"{message} ({hint})" if hint else message)
    return (known[name],)


def _card(models: OpenedModels, plan: Plan, version: str) -> ModelCard:
    from atlas.cards import card_of
    from atlas.errors import AtlasError
    from atlas.models.champions import Champions

    name = plan.model.name if plan.model else ""
    registered = models.registry.find(name, version)
    if registered is None:
        hint = "give a number by --version, or promote one"
        raise AtlasError(f"model {name}: there is no version '{version}' ({hint})")
    return card_of(Champions(models.store, models.registry, name), plan, registered)
