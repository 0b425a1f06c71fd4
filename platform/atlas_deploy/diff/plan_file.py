"""Plan files: what a preview saw, so that deploy can refuse to do anything else than it showed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.advice import command
from atlas.errors import DeployError
from atlas.values import digest
from atlas_deploy.diff.members import shortened
from atlas_deploy.history.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas_deploy.diff.deployment import Outlook

_VERSION = 1
_NONE = "nothing"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Sight:
    """What a preview saw of one stack.

    Attributes:
        basis: of a stack that wasn't opened, what it follows from; empty for one that was.
        number: the last entry of its history, 0 for none.
        platform: digest of the platform's outputs.
        wanted: digest of what is to be deployed.
        plans: digest of each member's Plan.
        live: digest of each member that is there.
        state: digest of each member in the stack's state.
    """

    basis: str = ""
    number: int = 0
    platform: str = ""
    wanted: str = ""
    plans: Mapping[str, str] | None = None
    live: Mapping[str, str] | None = None
    state: Mapping[str, str] | None = None

    @classmethod
    def of(cls, outlook: Outlook) -> Sight:
        """Return what there is to see of a stack."""
        stated = {one.name: one.inputs for one in outlook.found}
        return cls(
            number=outlook.entry.number if outlook.entry else 0,
            platform=digest({name: dict(one) for name, one in outlook.services.found.items()}),
            wanted=Record.of(outlook.parts).digest,
            plans=_flat(outlook.after, "plans"),
            live=_flat(outlook.before, "members") | _flat(outlook.before, "plans", " plan"),
            state=_flat(stated, "members") | _flat(stated, "plans", " plan"),
        )


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan file.

    Attributes:
        path: the PATH that was previewed, absolute.
        environment: the Environment.
        stacks: what was seen of each stack.
    """

    path: str
    environment: str
    stacks: Mapping[str, Sight]


def save(file: Path, saved: Saved) -> None:
    """Write a plan file, which only its owner may read.

    Raises:
        DeployError: it can't be written.
    """
    text = json.dumps({"version": _VERSION, **asdict(saved)}, indent=1, sort_keys=True)
    try:
        files.write(file.absolute(), text + "\n")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise DeployError(f"{file}: the plan can't be written: {why}") from None


def load(file: Path) -> Saved:
    """Read a plan file.

    Raises:
        DeployError: D011, it is none.
    """
    try:
        raw = json.loads(file.read_text("utf-8"))
        if raw["version"] != _VERSION:
            raise ValueError(f"its version is {raw['version']}, expected {_VERSION}")
        stacks = {name: Sight(**one) for name, one in raw["stacks"].items()}
        return Saved(str(raw["path"]), str(raw["environment"]), stacks)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DeployError(
            f"{file}: no plan can be read ({_reason(error)}); "
            f"{command('preview', '--save', str(file))} writes one",
            code="D011",
        ) from None


def require_same(saved: Mapping[str, Sight], now: Mapping[str, Sight]) -> None:
    """Refuse to deploy anything else than what a preview showed.

    Raises:
        DeployError: D010, something has changed since.
    """
    moved = [line for stack in dict.fromkeys((*saved, *now)) for line in _moved(stack, saved, now)]
    if moved:
        more = [f"and {len(moved) - _SHOWN} more differences"] if len(moved) > _SHOWN else []
        raise DeployError(
            "something has changed since this plan was saved; preview again:\n  "
            + "\n  ".join([*moved[:_SHOWN], *more]),
            code="D010",
        )


def _moved(stack: str, saved: Mapping[str, Sight], now: Mapping[str, Sight]) -> Iterator[str]:
    """Return how a stack differs from what was seen, a line each."""
    if stack not in saved or stack not in now:
        yield f"{stack}: {'is new' if stack in now else 'is gone'}"
        return
    old, new = saved[stack], now[stack]
    if old.basis != new.basis:
        how = "is to change, and wasn't" if old.basis else "isn't to change any more"
        yield f"{stack}: {how}"
        return
    found = [*_differences(old, new)]
    if not found and old != new:
        found = ["what is to be deployed: its compiled files differ"]
    yield from (f"{stack}: {line}" for line in found)


def _differences(old: Sight, new: Sight) -> Iterator[str]:
    """Return how two sights of a stack that was opened differ."""
    if old.number != new.number:
        yield f"history: deployment {new.number} is the last, was {old.number}"
    if old.platform != new.platform:
        yield "platform: its outputs aren't those of then"
    for what in ("plans", "live", "state"):
        before, after = getattr(old, what) or {}, getattr(new, what) or {}
        for name in dict.fromkeys((*before, *after)):
            was, now = before.get(name, _NONE), after.get(name, _NONE)
            if was != now:
                yield f"{_WORDS[what]} {name}: {_short(was)}→{_short(now)}"


_WORDS = {"plans": "Plan of", "live": "live member", "state": "state of"}


def _flat(inputs: Mapping[str, Mapping[str, Any]], what: str, suffix: str = "") -> dict[str, str]:
    """Return what each member of all resources has."""
    return {
        f"{resource}/{member}{suffix}": str(value)
        for resource, one in inputs.items()
        for member, value in one.get(what, {}).items()
    }


def _short(text: str) -> str:
    return shortened(text) or text or _NONE


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error)


def sights(outlooks: Sequence[Outlook], bases: Mapping[str, str]) -> dict[str, Sight]:
    """Return what there is to see of all stacks, opened or not."""
    opened = {one.deployment.stack: Sight.of(one) for one in outlooks}
    return {**{stack: Sight(basis=basis) for stack, basis in bases.items()}, **opened}
