"""Put right what a killed engine, or a loss of power, left half written in a file backend.

The engine renames its files into place, but writes the attributes beside each (``NAME.attrs``)
over what is there: one that was cut off makes the file that it belongs to unreadable for the
engine, though that is whole. Atlas needs none, and removes them. A state that is cut off itself is
replaced by the newest one before it that is whole: what the lost update did is found and taken over
by the next one.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from atlas import files
from atlas.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from atlas_deploy.stacks.locks import Lock

_ATTRIBUTES = ".attrs"
META = "version: 1\n"
"""What the engine writes of the layout with a folder for each project, the only one of Atlas."""

_LOST = (
    "{state} is damaged ({reason}), and no earlier state beside it or in its history is "
    "whole; put a copy from a backup in its place, or move it away, and run the same command "
    "again: what is there is found and taken over"
)


class Paths(NamedTuple):
    """Where a file backend keeps a stack.

    Attributes:
        meta: the file with the layout's version.
        state: the file with the stack's state.
        history: the folder with a copy of the state after each update.
    """

    meta: Path
    state: Path
    history: Path


def clear_attributes(paths: Paths) -> None:
    """Remove attributes of files that the engine reads, and write a lost layout's version again."""
    for path in (paths.meta, paths.state):
        files.remove(path.with_name(f"{path.name}{_ATTRIBUTES}"))
    if paths.meta.exists() and "version" not in paths.meta.read_text("utf-8", "replace"):
        files.write(paths.meta, META)


def why_unreadable(state: Path) -> str:
    """Return why a state can't be read as JSON; empty where it can, or isn't there."""
    try:
        json.loads(state.read_bytes())
    except FileNotFoundError:
        return ""
    except ValueError as error:
        return str(error)
    return ""


def restore(paths: Paths, empty: str, holders: Sequence[Lock]) -> str:
    """Put the last whole state in the place of one that can't be read, which is kept beside it.

    Nothing else writes a state that can't be read: the engine fails at it, and others that restore
    it wait here.

    Args:
        paths: where the stack is.
        empty: the state of a new stack, for one of which nothing was ever recorded.
        holders: who holds the stack's lock.

    Returns:
        What was done, as one line; empty where the state can be read.

    Raises:
        DeployError: somebody holds the lock, or no earlier state is whole.
    """
    with _alone(paths.state.parent):
        reason = why_unreadable(paths.state)
        if not reason:
            return ""
        if holders:
            raise DeployError(
                f"{paths.state} is damaged ({reason}), and locked by another update "
                f"({holders[0]}); wait for that to end and run the same command again",
                code="D013",
            )
        whole = _last_whole(paths, empty)
        if whole is None:
            raise DeployError(_LOST.format(state=paths.state, reason=reason), code="D013")
        content, source = whole
        kept = _keep(paths.state)
        files.write(paths.state, content)
    return f"{paths.state} was damaged ({reason}): restored from {source}; it is kept as {kept}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock the folder of a project's states for one that restores."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        files.lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _last_whole(paths: Paths, empty: str) -> tuple[bytes, str] | None:
    """Return the newest earlier state that is whole and what it is; None where there is none."""
    earlier = paths.state.with_name(f"{paths.state.name}.bak")
    copies = sorted(paths.history.glob("*.checkpoint.json"), reverse=True)
    for path in filter(_is_whole, (earlier, *copies)):
        return path.read_bytes(), path.name
    is_first = not earlier.exists() and not copies and _has_nothing(paths.state.read_bytes())
    return (empty.encode(), "nothing, for nothing was recorded yet") if is_first else None


def _has_nothing(content: bytes) -> bool:
    """Tell whether a state was cut off before the first resource in it."""
    return content.strip(b"\0")[:1] in (b"", b"{") and b'"urn"' not in content


def _is_whole(path: Path) -> bool:
    """Tell whether a file holds a state."""
    try:
        return "latest" in json.loads(path.read_bytes())["checkpoint"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _keep(state: Path) -> str:
    """Keep a damaged state beside it; return the copy's name."""
    kept = state.with_name(f"{state.name}.damaged-{state.stat().st_mtime_ns}")
    files.write(kept, state.read_bytes())
    return kept.name
