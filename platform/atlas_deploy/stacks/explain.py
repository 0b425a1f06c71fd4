"""Why an update failed, in words that say what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.stacks.events import Listener

_TAIL_LINES = 12
_FEW = 3
_LOCKED = "the stack is currently locked by"
_HOLDER = re.compile(
    r": created by (?P<user>[^@\s]*)@(?P<host>\S*) \(pid (?P<pid>\d+)\) at (?P<at>\S+)"
)
_BUSY = "[409] Conflict"
_DAMAGED = re.compile(r"failed to (?:load|unmarshal|decode) (?:checkpoint|deployment).*")


def explain(listener: Listener, said: str, state: str, passphrase: str) -> str:
    """Return why the engine failed: what resources said, else what it said itself.

    Args:
        listener: what was heard while it ran.
        said: all that it printed.
        state: where the stack's state is.
        passphrase: where the passphrase comes from.
    """
    told = [
        text if not name or text.startswith(f"{name}: ") else f"{name}: {text}"
        for name, texts in listener.failures.items()
        for text in _alike(texts)
    ]
    if told:
        return "\n".join(told)
    if "incorrect passphrase" in said:
        return (
            f"D014: the passphrase in {passphrase} isn't the one that its state was written with; "
            "give it that one again"
        )
    if found := _DAMAGED.search(said):
        return damaged(state, found[0])
    return _tail(said) or "the engine failed and said nothing"


def _alike(texts: Sequence[str]) -> list[str]:
    """Return texts of members (``name: reason``), those of one reason together where many are."""
    reasons: dict[str, list[str]] = {}
    for text in texts:
        member, colon, reason = text.partition(": ")
        reasons.setdefault(reason.replace(member, "it") if colon else text, []).append(text)
    lines: list[str] = []
    for reason, found in reasons.items():
        if len(found) <= _FEW:
            lines += found
            continue
        members = ", ".join(text.partition(": ")[0] for text in found[:_FEW])
        lines.append(f"{members} and {len(found) - _FEW} more: {reason}")
    return lines


def damaged(state: str, why: str) -> str:
    """Return what to do about a state that is none."""
    if not state.endswith(".json"):
        hint = "bring back the state before with `pulumi stack import`"
        return f"D013: {state} is damaged ({why}); {hint}"
    return (
        f"D013: {state} is damaged ({why}); the state before is beside it, in "
        f"{state.rpartition('/')[2]}.bak: put it in its place and run the same command again"
    )


def refused(url: str, said: str) -> str:
    """Return why a backend can't be used."""
    return f"backend {url.partition('?')[0]}: {_tail(said) or 'the engine said nothing'}"


def holder(said: str) -> str:
    """Return who holds a lock, by what the engine says of it; empty where it says nothing."""
    found = _HOLDER.search(said)
    if not found:
        return ""
    return "process {pid} of {user} on {host}, since {at}".format(**found.groupdict())


def is_locked(said: str) -> bool:
    """Tell whether the engine refused because another update is under way."""
    return _LOCKED in said or _BUSY in said


def _tail(said: str) -> str:
    """Return the last lines of the engine's errors."""
    errors = said.rsplit("stderr:", maxsplit=1)[-1]
    lines = [line.strip().removeprefix("error: ") for line in errors.splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL_LINES:]).strip()
