"""Values of a stack's configuration on AWS, each checked when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.kubernetes.configuration import structure
from infra.settings import switch

if TYPE_CHECKING:
    import re


def matching(
    config: pulumi.Config,
    key: str,
    form: re.Pattern[str],
    expected: str,
    default: str | None = None,
) -> str:
    """Return a setting of some form.

    Raises:
        pulumi.RunError: it has another one, or isn't set and there is no default.
    """
    found = config.get(key) or default
    if found is None:
        raise pulumi.RunError(
            f"atlas:{key}: not set; expected {expected} (`pulumi config set atlas:{key} …`)"
        )
    if found and not form.fullmatch(found):
        raise pulumi.RunError(f"atlas:{key}: found '{found}'; expected {expected}")
    return found


def list_of(config: pulumi.Config, key: str) -> list[str]:
    """Return a setting that is a list of texts.

    Raises:
        pulumi.RunError: it is something else.
    """
    found = structure(config, key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise pulumi.RunError(f"atlas:{key}: found {found!r}; expected a list of texts")
    return found


def all_matching(
    config: pulumi.Config, key: str, form: re.Pattern[str], expected: str
) -> tuple[str, ...]:
    """Return a setting that is a list of texts of some form.

    Raises:
        pulumi.RunError: one has another form.
    """
    for one in (found := list_of(config, key)):
        if not form.fullmatch(one):
            raise pulumi.RunError(f"atlas:{key}: found '{one}'; expected {expected}")
    return tuple(found)


def flag(config: pulumi.Config, key: str, default: bool) -> bool:
    """Return a setting that is true or false.

    Raises:
        pulumi.RunError: it is neither.
    """
    found = switch(config, key)
    return default if found is None else found
