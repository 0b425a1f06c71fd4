"""One command of Atlas for each pipeline of a list: what `atlas list --each` runs.

The list is that of `atlas list --json`, or what `atlas list --each … --json` has printed, for the
next command to go on with: a CI's stages hand on in a file which pipelines have changed, and which
releases were made.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.advice import mention
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, DeployError
from atlas.load import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RELEASE = "{release}"
_RELEASE = re.compile(r"release/[a-z][a-z0-9_-]{0,62}-[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A pipeline's folder of a list.

    Attributes:
        folder: the folder.
        releases: the releases that were made of it, by name.
    """

    folder: str
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """What came of one command.

    Attributes:
        folder: the pipeline's folder.
        command: the command's words, without ``atlas``.
        code: its exit code.
        output: what it printed as JSON; None without ``--json``, or where that wasn't JSON.
    """

    folder: str
    command: tuple[str, ...]
    code: int
    output: Any = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a list."""
        return {
            "folder": self.folder,
            "command": list(self.command),
            "code": self.code,
            "output": self.output,
        }


def read_list(file: Path) -> list[Listed]:
    """Return the pipelines' folders that a file lists.

    Raises:
        AtlasError: it can't be read, isn't such a list, or names a folder that isn't there.
    """
    try:
        entries = json.loads(file.read_text("utf-8"))
        return listed(entries)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AtlasError(f"{shown(file)}: can't be read: {reason}") from None
    except (ValueError, TypeError, KeyError):
        message = f"{shown(file)}: isn't a list of pipelines"
        expected = f"what {mention('list', '--json')} prints, with or without --each"
        raise AtlasError(f"{message}; expected {expected}") from None


def listed(entries: Iterable[dict[str, Any]]) -> list[Listed]:
    """Return the folders of a list's entries, each once, in order.

    Raises:
        AtlasError: there is no such folder.
        TypeError, KeyError, ValueError: an entry isn't one.
    """
    found: dict[str, Listed] = {}
    for entry in entries:
        folder = entry["folder"]
        if not isinstance(folder, str):
            raise TypeError(folder)
        if folder.startswith("-") or not Path(folder).exists():
            raise AtlasError(f"{folder!r}: there is no such folder; expected a pipeline's folder")
        found.setdefault(folder, Listed(folder, tuple(_releases(entry.get("output")))))
    return list(found.values())


def _releases(output: Any) -> Iterator[str]:
    for one in output if isinstance(output, list) else ():
        name = one.get("release") if isinstance(one, dict) else None
        if name is not None:
            if not isinstance(name, str) or not _RELEASE.fullmatch(name):
                raise ValueError(name)
            yield name


def each(
    pipelines: Iterable[Listed], command: str, say: Callable[[str], None], *, as_json: bool
) -> list[Called]:
    """Run a command for each pipeline, one after the other, also when one has failed.

    Args:
        pipelines: the pipelines.
        command: a command of Atlas and its options, without PATH; with ``{release}`` in it, it runs
            once for each release of the pipeline.
        say: takes each command before it runs.
        as_json: whether ``--json`` is added and what is printed is kept.

    Raises:
        AtlasError: there is no command, or a pipeline has no release for it.
    """
    words = shlex.split(command)
    if not words or words[0].startswith("-"):
        raise AtlasError("--each: names no command; expected one such as 'deploy --env staging'")
    return [
        _call(folder, filled, say, as_json=as_json)
        for folder, filled in [
            (one.folder, text) for one in pipelines for text in _filled(one, words)
        ]
    ]


def _filled(one: Listed, words: list[str]) -> list[list[str]]:
    if RELEASE not in words:
        return [words]
    if not one.releases:
        raise AtlasError(f"{one.folder}: the list has no release of it; expected one by 'release'")
    return [[name if word == RELEASE else word for word in words] for name in one.releases]


def _call(folder: str, words: list[str], say: Callable[[str], None], *, as_json: bool) -> Called:
    full = (words[0], folder, *words[1:], *(("--json",) if as_json else ()))
    say(f"atlas {shlex.join(full)}")
    done = subprocess.run(  # noqa: S603  # a command of Atlas, as it was typed
        [sys.executable, "-m", "atlas_cli", *full],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if as_json else None,
    )
    return Called(folder, full, done.returncode, _output(done.stdout) if as_json else None)


def _output(printed: bytes) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        return None


def require_all(called: Iterable[Called]) -> None:
    """Raise if a command has failed.

    Raises:
        DeployError: at least one has; all of them are named.
    """
    failed = [one for one in called if one.code]
    if failed:
        lines = "\n".join(f"  {one.folder}: exit code {one.code}" for one in failed)
        raise DeployError(f"the command failed for {len(failed)} of the pipelines:\n{lines}")
