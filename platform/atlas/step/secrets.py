"""Secrets: where the Environment says they are. A value is masked wherever a step is heard.

What a step prints, logs, raises and records goes through `mask_for`, which knows the secrets of
the Plan, those of the platform, and what variables are known to hold.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import StepError
from atlas.masking import mask_of, passwords_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.masking import Mask
    from atlas.plan import Plan, PlanStep

_SECRETIVE = ("_PASSWORD", "_TOKEN", "_SECRET", "_SECRET_KEY", "_SECRET_ACCESS_KEY")
"""Ends of the names of variables that hold secrets by everybody's convention."""
_LEAST = 8
"""Characters of the shortest value of such a variable that is masked."""


def variable_of(name: str) -> str:
    """Return the variable in which a target hands a secret to a step."""
    return f"ATLAS_SECRET_{name.upper().replace('-', '_')}"


def secrets_of(plan: Plan, step: PlanStep) -> dict[str, str]:
    """Return the secrets that a step's Recipe names.

    Raises:
        StepError: one can't be found.
    """
    return {name: secret(plan, step.name, name) for name in step.secrets}


def secret(plan: Plan, step: str, name: str) -> str:
    """Return one secret's value.

    It is looked for in the variable that targets set, then where the Environment says, then in the
    state folder.

    Raises:
        StepError: it is in none of these.
    """
    place = plan.secrets.get(name, {})
    value = _found(plan, name)
    if value is None:
        sources = ", ".join(f"{kind} {where}" for kind, where in place.items())
        hint = f"set {variable_of(name)}" + (f", or mend {sources}" if sources else "")
        raise StepError(step, f"secret '{name}' isn't there ({hint})")
    return value


def mask_for(plan: Plan, env: Mapping[str, str] | None = None) -> Mask:
    """Return the mask of all secrets that this process can know of when it runs steps of a Plan.

    Args:
        plan: the Plan.
        env: further variables that a step is started with.
    """
    names = {name for step in plan.steps for name in step.secrets}
    names |= {dataset.credential for dataset in plan.data.values() if dataset.credential}
    names |= {name for told in plan.notify.values() for name in told}
    values = {_found(plan, name) for name in names} | set(_kept()) | set(_in_variables(os.environ))
    values |= set(_in_variables(env)) if env else set()
    values |= {word for value in values if value and "://" in value for word in passwords_in(value)}
    return mask_of(frozenset(value for value in values if value))


def holder_of(plan: Plan, value: Any) -> str:
    """Return the name of a secret of the Plan that plain data holds the value of, or nothing."""
    names = sorted({name for step in plan.steps for name in step.secrets})
    known = ((name, _found(plan, name) or "") for name in names)
    masks = ((name, mask_of(frozenset((text,)))) for name, text in known if text)
    return next((name for name, mask in masks if mask and mask.plain(value) != value), "")


def _found(plan: Plan, name: str) -> str | None:
    place = plan.secrets.get(name, {})
    return os.environ.get(variable_of(name)) or _from_place(place) or _from_state(name)


def _kept() -> Iterator[str | None]:
    """Return the secrets of the platform on this machine."""
    state = os.environ.get("ATLAS_STATE")
    try:
        names = os.listdir(Path(state, "secrets")) if state else []
    except OSError:
        return
    for name in names:
        stem, _, ending = name.rpartition(".")
        if ending == "json":
            yield _from_state(stem)


def _in_variables(variables: Mapping[str, str]) -> Iterator[str]:
    """Return what variables hold that are named like secrets, and passwords in addresses."""
    for name, value in variables.items():
        if name.startswith("ATLAS_SECRET_") or (name.endswith(_SECRETIVE) and len(value) >= _LEAST):
            yield value
        elif name.startswith("ATLAS_") and name.endswith("_CREDENTIALS"):
            yield _password(_text(Path(value)) or "")
        elif "://" in value and "@" in value:
            yield from passwords_in(value)


def _from_place(place: Mapping[str, str]) -> str | None:
    if "variable" in place:
        return os.environ.get(place["variable"])
    return _text(Path(place["file"])) if "file" in place else None


def _from_state(name: str) -> str | None:
    """Return a secret that Atlas keeps itself: a password, or the whole document."""
    state = os.environ.get("ATLAS_STATE")
    text = _text(Path(state, "secrets", f"{name}.json")) if state else None
    return None if text is None else _password(text)


def _password(text: str) -> str:
    """Return the password in a document of Atlas's; any other text as it is."""
    try:
        raw = json.loads(text)
    except ValueError:
        return text
    return str(raw["password"]) if isinstance(raw, dict) and "password" in raw else text


def _text(file: Path) -> str | None:
    try:
        return file.expanduser().read_text("utf-8").rstrip("\n")
    except OSError:
        return None
