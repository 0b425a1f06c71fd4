"""What git knows of a folder, asked so that nothing of the folder is executed.

A repository's own configuration names programs: hooks, a file-system monitor, filters, pagers,
external diffs, credential helpers, transports. Of a folder that somebody else wrote, none may run.
So this is the only module that starts git, and it starts it with all of those turned off:

- hooks, monitor, pager, signature checks and submodules by options, which count more than what the
  repository says;
- every filter and diff driver that any configuration defines, by name, with an empty command;
- transports by a list of allowed protocols that has none, so that a partial clone fetches nothing;
- variables named ``GIT_*`` of the caller are dropped, but those that say where the user's own
  configuration is.

Git itself refuses a repository of another user, unless ``safe.directory`` names it.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import IO, Self

SECONDS = 20.0
"""Seconds after which git is ended."""
MOST_BYTES = 64 * 2**20
"""Bytes of output after which git is ended."""

_CHUNK = 1 << 16
_COMMIT = re.compile("\\n?\\x01([0-9a-f]{40,64})")
_OFF = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.askPass": "false",
    "core.sshCommand": "false",
    "core.gitProxy": "",
    "core.alternateRefsCommand": "",
    "credential.helper": "",
    "gpg.program": "false",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "status.submoduleSummary": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_DRIVERS = ("filter.", "diff.", "hook.", "tar.", "gpg.", "credential.", "merge.")
"""Sections whose subsections name programs."""
_PROGRAMS = ("clean", "smudge", "process", "command", "textconv", "program", "helper", "driver")
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_KEPT = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
)
_LOG = (
    "log",
    "-c",
    "-z",
    "--name-only",
    "--no-renames",
    "--no-relative",
    "--no-ext-diff",
    "--no-textconv",
    "--root",
    "--ignore-submodules=dirty",
    "--format=%x01%H",
)
_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty")


def git(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> bytes | None:
    """Return what git prints in a folder; None without git, and where git refuses or fails.

    Args:
        folder: a folder in the repository.
        arguments: the command and its arguments; none of them may be a user's text that could be
            taken for an option.
        codes: exit codes of success.
    """
    drivers = _drivers(folder)
    return None if drivers is None else _run(folder, arguments, drivers, codes)


def has_repository(folder: Path) -> bool:
    """Tell whether a folder is in a git repository, whether or not git reads it."""
    return _root(folder.resolve()) is not None


def commit_of(folder: Path) -> str:
    """Return the commit that a folder is at: the last that changed something in it.

    An edit elsewhere in the repository makes it no other one.

    Returns:
        The commit's id, with ``-dirty`` behind it where a file in the folder isn't as it was
        committed; empty outside of git, without git, and for a folder that no commit has.
    """
    return commits_of([folder])[folder]


def commits_of(folders: Iterable[Path]) -> dict[Path, str]:
    """Return `commit_of` of each folder; git is started three times a repository."""
    roots: dict[Path | None, dict[str, list[Path]]] = {}
    by_folder: dict[Path, str] = {}
    for folder in folders:
        real = folder.resolve()
        root = _root(real)
        key = real.relative_to(root).as_posix() if root else ""
        roots.setdefault(root, {}).setdefault(key, []).append(folder)
    for root, keys in roots.items():
        commits: Mapping[str, str] = {}
        with suppress(OSError):
            commits = _commits(root, [*keys]) if root else {}
        by_folder |= {
            folder: commits.get(key, "") for key, paths in keys.items() for folder in paths
        }
    return by_folder


def _root(folder: Path) -> Path | None:
    """Return the folder at or above one that has a repository."""
    every = (folder, *folder.parents)
    return next((candidate for candidate in every if os.path.lexists(candidate / ".git")), None)


def _commits(root: Path, keys: list[str]) -> dict[str, str]:
    """Return the commits of folders of one repository, by their relative path."""
    with _Git(root, (*_LOG, "HEAD", "--", *keys), {}) as log:
        drivers = _drivers(root)
        if drivers is None:
            return {}
        with _Git(root, (*_STATUS, "--", *keys), drivers) as status:
            commits = _last_changed(log.pieces(), keys)
            changed = status.whole()
    if changed is None:
        return {}
    lines = filter(None, changed.split(b"\0"))
    edited = {key for line in lines for key in _above(os.fsdecode(line[3:]))}
    return {key: f"{commit}-dirty" if key in edited else commit for key, commit in commits.items()}


def _last_changed(log: Iterator[bytes], keys: list[str]) -> dict[str, str]:
    """Return the last commit that changed each folder, reading no further than is needed."""
    commits: dict[str, str] = {}
    left = {*keys}
    for commit, path in _changes(log):
        for key in left.intersection(_above(path)):
            commits[key] = commit
        left -= {*commits}
        if not left:
            break
    return commits


def _changes(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Return the commit and path of each change that `git log` prints."""
    commit = ""
    for line in lines:
        text = os.fsdecode(line)
        if match := _COMMIT.fullmatch(text):
            commit = match[1]
        elif text:
            yield commit, text.removeprefix("\n")


def _above(path: str) -> Iterator[str]:
    """Return the folders that a path is in, as `commits_of` names them."""
    yield "."
    parts = path.rstrip("/").split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _drivers(folder: Path) -> dict[str, str] | None:
    """Return what empties every driver that the configuration defines; None where git refuses.

    To list a configuration executes nothing of it.
    """
    listed = _run(folder, ("config", "--list", "--name-only", "-z"), {})
    if listed is None:
        return None
    keys = {os.fsdecode(key) for key in listed.split(b"\0") if key}
    named = [key for key in keys if key.startswith(_DRIVERS) and key.count(".") > 1]
    if any("=" in key for key in named):
        # An option can't name such a driver, so it can't be turned off.
        return None
    stems = {key.rpartition(".")[0] for key in named}
    off = {f"{stem}.{name}": "" for stem in stems for name in _PROGRAMS}
    return off | {f"{stem}.required": "false" for stem in stems}


class _Git:
    """A git that was started, whose output is read up to a bound and for a time."""

    def __init__(self, folder: Path, arguments: Iterable[str], config: Mapping[str, str]) -> None:
        """Start it.

        Raises:
            OSError: there is no git.
        """
        import subprocess
        from threading import Timer

        given = {**_OFF, **config}.items()
        options = [word for name, value in given for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(  # noqa: S603 - a list, no shell
            [_program(), "--no-pager", *options, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=0,
        )
        self._timer = Timer(SECONDS, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        """Give what was started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it runs yet."""
        self._timer.cancel()
        self._process.kill()
        cast("IO[bytes]", self._process.stdout).close()
        self._process.wait()

    def whole(self, codes: tuple[int, ...] = (0,)) -> bytes | None:
        """Return all output of a git that succeeded; None of another, or of too much."""
        pieces = [*self._read()]
        size = sum(map(len, pieces))
        return b"".join(pieces) if size < MOST_BYTES and self._process.wait() in codes else None

    def pieces(self) -> Iterator[bytes]:
        """Return the output as it comes, cut at each NUL."""
        rest = b""
        for content in self._read():
            *whole, rest = (rest + content).split(b"\0")
            yield from whole

    def _read(self) -> Iterator[bytes]:
        """Return the output as it comes, up to the bound."""
        left, source = MOST_BYTES, cast("IO[bytes]", self._process.stdout)
        while left > 0 and (content := source.read(min(left, _CHUNK))):
            left -= len(content)
            yield content


def _run(
    folder: Path,
    arguments: Iterable[str],
    config: Mapping[str, str],
    codes: tuple[int, ...] = (0,),
) -> bytes | None:
    try:
        with _Git(folder, arguments, config) as started:
            return started.whole(codes)
    except OSError:
        return None


def _program() -> str:
    """Return the path of git.

    Raises:
        FileNotFoundError: there is none.
    """
    path = shutil.which("git")
    if path is None:
        raise FileNotFoundError("git")
    return path


def _environment() -> dict[str, str]:
    """Return this process's variables without those by which git takes orders."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n in _KEPT}
    return kept | _VARIABLES
