"""What `atlas validate` found, kept in the state folder for as long as nothing changes.

It is found again by the content of everything that it was found from, and by the Atlas and the
Python that found it. Losing it costs time alone: what can't be read, isn't the user's own or was
found from anything else is as good as nothing. Only what is free of errors is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.environment import find_project
from atlas.errors import AtlasError, Problem, TooLargeError
from atlas.findings.tree import content_digest, state_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.environment import Project

_FEWEST = 50
"""Configs; fewer are checked about as fast as they are looked up."""
_LARGEST = 64 * 2**20
_OTHERS = 0o077
_TEXTS = {"problems": dict, "files": str, "summaries": str}


@dataclass(frozen=True, slots=True)
class Findings:
    """What validation found, as far as it is printed.

    Attributes:
        problems: everything, errors and warnings.
        files: the Configs' files, as messages show them.
        summaries: a line for each Config that could be read.
    """

    problems: Sequence[Problem]
    files: Sequence[str]
    summaries: Sequence[str]


def findings(path: Path, asked: Sequence[Any], find: Callable[[], Findings]) -> Findings:
    """Return what was found under a path before, if nothing has changed; else find it, and keep it.

    Args:
        path: what is checked.
        asked: options that make a difference to what is found.
        find: checks everything.
    """
    try:
        project = find_project(path)
    except AtlasError:
        return find()
    # Packages that a project allows lie outside of it, where nothing says that they have changed.
    if not project.explicit or project.allow:
        return find()
    name = _digest([os.path.abspath(path), os.getcwd(), *asked])
    return _found(_Kept(project, project.state / "findings" / f"{name[:32]}.json"), find)


def _found(kept: _Kept, find: Callable[[], Findings]) -> Findings:
    """Look up, or find and keep."""
    known = kept.read()
    if known is not None:
        return known
    before = kept.state()
    findings = find()
    is_fine = all(problem.severity != "error" for problem in findings.problems)
    if before and is_fine and len(findings.files) >= _FEWEST:
        kept.write(findings, before)
    return findings


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file with what was found in a project."""

    project: Project
    file: Path

    def read(self) -> Findings | None:
        """Return what was kept, if it is this user's, whole, and found from what is there now."""
        text = _private_text(self.file)
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raw = json.loads(text) if text else {}
            payload = raw["found"]
            if raw["whole"] == _digest(payload) and raw["key"] == self._key():
                return _parsed(payload)
        return None

    def state(self) -> str:
        """Return what changes with any write to the project; nothing where that can't be told."""
        with suppress(OSError, TooLargeError, RecursionError):
            return state_digest(str(self.project.root))
        return ""

    def write(self, findings: Findings, before: str) -> None:
        """Keep what was found, unless something was written since; a full disk doesn't matter."""
        from atlas import files

        key = self._key()
        if not key or self.state() != before:
            return
        payload = {
            "problems": [problem.to_json() for problem in findings.problems],
            "files": list(findings.files),
            "summaries": list(findings.summaries),
        }
        text = json.dumps({"key": key, "whole": _digest(payload), "found": payload})
        with suppress(OSError, AtlasError):
            files.own(self.project.state)
            files.write(self.file, text)

    def _key(self) -> str:
        """Return the digest of all that findings depend on; nothing where it can't be had."""
        own = str(Path(__file__).resolve().parents[1])
        with suppress(OSError, TooLargeError, RecursionError):
            return _digest(
                [
                    version("atlas-ml"),
                    state_digest(own),
                    sys.version,
                    repr(self.project),
                    {name: value for name, value in os.environ.items() if name[:6] == "ATLAS_"},
                    _platforms(self.project.state),
                    content_digest(str(self.project.root)),
                ]
            )
        return ""


def _platforms(state: Path) -> list[str]:
    """Return the digests of what the platforms here offer, which says what targets can do."""
    paths = sorted((state / "platform").glob("*/outputs.json"))
    return [hashlib.sha256(os.fsencode(path) + path.read_bytes()).hexdigest() for path in paths]


def _private_text(file: Path) -> str:
    """Return the text of a file that only this user can have written; else nothing."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(handle, "rb") as stream:
            status = os.fstat(handle)
            is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
            if not is_own or status.st_mode & _OTHERS or status.st_size > _LARGEST:
                return ""
            return stream.read().decode()
    except (OSError, ValueError):
        return ""


def _parsed(payload: Any) -> Findings:
    """Return what was written.

    Raises:
        TypeError: it is of another form.
        KeyError: something of it is missing.
    """
    for name, kind in _TEXTS.items():
        if not all(isinstance(entry, kind) for entry in payload[name]):
            raise TypeError(name)
    return Findings(
        [Problem(**fields) for fields in payload["problems"]],
        payload["files"],
        payload["summaries"],
    )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
