"""Asking git, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.git.running import GitOptions, Running, drivers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LONGEST_ERROR = 64 * 1024
_LONGEST_LINE = 600


def git(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> bytes | None:
    """Return what git prints in a folder; None without git, and where git refuses or fails.

    Args:
        folder: a folder in the repository.
        arguments: the command and its arguments; none of them may be a user's text that could be
            taken for an option.
        codes: exit codes of success.
    """
    drivers = drivers_of(folder)
    if drivers is None:
        return None
    try:
        with Running(folder, arguments, drivers) as started:
            return started.whole(codes)
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What came of a git that was started.

    Attributes:
        code: its exit code; -1 where it could not be started, or was ended.
        output: what it printed.
        error: what it printed as its error, on one line and without control characters.
    """

    code: int
    output: bytes
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.code == 0

    @property
    def text(self) -> str:
        """Its output as text, without the line end."""
        return self.output.decode("utf-8", "replace").strip()


def ask(folder: Path, *arguments: str, options: GitOptions | None = None) -> GitAnswer:
    """Start git in a folder and return what came of it, with its own words where it fails.

    Args:
        folder: a folder in the repository.
        arguments: as for `git`.
        options: how to start it.
    """
    options = options or GitOptions()
    drivers = drivers_of(folder)
    if drivers is None:
        refused = _ask(folder, ("config", "--list", "--name-only"), {}, GitOptions())
        return replace(refused, code=-1, output=b"")
    return _ask(folder, arguments, drivers, options)


def _ask(
    folder: Path, arguments: Iterable[str], drivers: Mapping[str, str], options: GitOptions
) -> GitAnswer:
    try:
        with TemporaryFile() as errors, Running(folder, arguments, drivers, options, errors) as run:
            output = run.whole(range(256))
            code = run.code if output is not None else -1
            errors.seek(0)
            error = errors.read(_LONGEST_ERROR).decode("utf-8", "replace")
            return GitAnswer(code, output or b"", _line(error))
    except OSError:
        return GitAnswer(-1, b"", "git can't be started; is it installed?")


def _line(text: str) -> str:
    """Return a text on one line, without control characters, and not long."""
    line = " ".join(text.split())[:_LONGEST_LINE]
    return "".join(char if char.isprintable() else "?" for char in line)
