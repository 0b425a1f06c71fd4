"""Why an update failed, in words that say what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_cli.stacks.events import Listener

_TAIL_LINES = 12
_DAMAGED = re.compile(r"failed to (?:load|unmarshal|decode) (?:checkpoint|deployment).*")


def explain(listener: Listener, said: str, state: Path, passphrase: Path) -> str:
    """Return why the engine failed: what resources said, else what it said itself.

    Args:
        listener: what was heard while it ran.
        said: all that it printed.
        state: the file with the stack's state.
        passphrase: the file with the passphrase.
    """
    told = [
        text if not name or text.startswith(f"{name}: ") else f"{name}: {text}"
        for name, texts in listener.failures.items()
        for text in texts
    ]
    if told:
        return "\n".join(told)
    if "incorrect passphrase" in said:
        return (
            f"the passphrase in {passphrase} isn't the one its state was written with; restore "
            "that file"
        )
    if found := _DAMAGED.search(said):
        return damaged(state, found[0])
    return _tail(said) or "the engine failed and said nothing"


def damaged(state: Path, why: str) -> str:
    """Return what to do about a state file that is no state."""
    return (
        f"{state} is damaged ({why}); the state before is beside it, in "
        f"{state.name}.bak: put it in its place and run the same command again"
    )


def _tail(said: str) -> str:
    """Return the last lines of the engine's errors."""
    errors = said.rsplit("stderr:", maxsplit=1)[-1]
    lines = [line.removeprefix("error: ") for line in errors.splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL_LINES:]).strip()
