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


def explain(listener: Listener, output: str, state: str, passphrase: str) -> str:
    """Return why the engine failed: the errors of resources, else its own output.

    Args:
        listener: what was heard while it ran.
        output: all that it printed.
        state: where the stack's state is.
        passphrase: where the passphrase comes from.
    """
    errors = [
        text if not name or text.startswith(f"{name}: ") else f"{name}: {text}"
        for name, texts in listener.failures.items()
        for text in _alike(texts)
    ]
    if errors:
        return "\n".join(errors)
    if "incorrect passphrase" in output:
        return (
            f"D014: the passphrase in {passphrase} isn't the one that its state was written with; "
            "give it that one again"
        )
    if match := _DAMAGED.search(output):
        return damaged(state, match[0])
    return _tail(output) or "the engine failed without an error message"


def _alike(texts: Sequence[str]) -> list[str]:
    """Return texts of members (``name: reason``), those of one reason together where many are."""
    reasons: dict[str, list[str]] = {}
    for text in texts:
        member, colon, reason = text.partition(": ")
        reasons.setdefault(reason.replace(member, "it") if colon else text, []).append(text)
    lines: list[str] = []
    for reason, group in reasons.items():
        if len(group) <= _FEW:
            lines += group
            continue
        members = ", ".join(text.partition(": ")[0] for text in group[:_FEW])
        lines.append(f"{members} and {len(group) - _FEW} more: {reason}")
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


def refused(url: str, output: str) -> str:
    """Return why a backend can't be used."""
    return f"backend {url.partition('?')[0]}: {_tail(output) or 'the engine printed nothing'}"


def holder(output: str) -> str:
    """Return who holds a lock, by what the engine says of it; empty where it says nothing."""
    match = _HOLDER.search(output)
    if not match:
        return ""
    return "process {pid} of {user} on {host}, since {at}".format(**match.groupdict())


def is_locked(output: str) -> bool:
    """Tell whether the engine refused because another update is under way."""
    return _LOCKED in output or _BUSY in output


def _tail(output: str) -> str:
    """Return the last lines of the engine's errors."""
    text = output.rsplit("stderr:", maxsplit=1)[-1]
    lines = [line.strip().removeprefix("error: ") for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL_LINES:]).strip()
