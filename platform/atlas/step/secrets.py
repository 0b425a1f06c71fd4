"""Secrets: where the Environment says they are. A value is never logged, stored or shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep


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
    found = os.environ.get(variable_of(name)) or _from_place(place) or _from_state(name)
    if found is None:
        said = ", ".join(f"{kind} {where}" for kind, where in place.items())
        hint = f"set {variable_of(name)}" + (f", or mend {said}" if said else "")
        raise StepError(step, f"secret '{name}' isn't there ({hint})")
    return found


def _from_place(place: Mapping[str, str]) -> str | None:
    if "variable" in place:
        return os.environ.get(place["variable"])
    return _text(Path(place["file"])) if "file" in place else None


def _from_state(name: str) -> str | None:
    """Return a secret that Atlas keeps itself: a password, or the whole document."""
    state = os.environ.get("ATLAS_STATE")
    text = _text(Path(state, "secrets", f"{name}.json")) if state else None
    if text is None:
        return None
    raw = json.loads(text)
    return str(raw["password"]) if isinstance(raw, dict) and "password" in raw else text


def _text(file: Path) -> str | None:
    try:
        return file.expanduser().read_text("utf-8").rstrip("\n")
    except OSError:
        return None
