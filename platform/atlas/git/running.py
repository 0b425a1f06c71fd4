"""Starting git in a folder, so that nothing of the folder is executed.

A repository's own configuration names programs: hooks, a file-system monitor, filters, pagers,
external diffs, credential helpers, transports. Of a folder that somebody else wrote, none may run.
So this is the only module that starts git, and it starts it with all of those turned off:

- hooks, monitor, pager, signature checks and submodules by options, which count more than what the
  repository says;
- every filter and diff driver that any configuration defines, by name, with an empty command;
- transports by a list of allowed protocols that has none, so that a partial clone fetches nothing
  (`atlas.git.remote` allows some, for a push or a fetch that was asked for);
- variables named ``GIT_*`` of the caller are dropped, but those that say where the user's own
  configuration is, and who the user is.

Git itself refuses a repository of another user, unless ``safe.directory`` names it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import field
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, cast

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO, Self

SECONDS = 20.0
"""Seconds after which git is ended."""
MOST_BYTES = 64 * 2**20
"""Bytes of output after which git is ended."""

_CHUNK = 1 << 16
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
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
)


@dataclass(frozen=True, slots=True)
class GitOptions:
    """How git is started.

    Attributes:
        config: settings that count more than every other one; a name may come twice.
        variables: variables besides the usual ones, or in place of them.
        stdin: what it reads.
        seconds: after how long it is ended; 0 for `SECONDS`.
    """

    config: Sequence[tuple[str, str]] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    seconds: float = 0.0


def drivers_of(folder: Path) -> dict[str, str] | None:
    """Return what empties every driver that the configuration defines; None where git refuses.

    To list a configuration executes nothing of it.
    """
    try:
        with Running(folder, ("config", "--list", "--name-only", "-z"), {}) as started:
            listed = started.whole()
    except OSError:
        return None
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


class Running:
    """A git that was started, whose output is read up to a bound and for a time."""

    def __init__(
        self,
        folder: Path,
        arguments: Iterable[str],
        drivers: Mapping[str, str],
        options: GitOptions | None = None,
        errors: IO[bytes] | None = None,
    ) -> None:
        """Start it.

        Args:
            folder: the folder that it works in.
            arguments: the command and its arguments.
            drivers: what empties the drivers of the configuration.
            options: how to start it.
            errors: the file that takes what it prints as its error; none by default.

        Raises:
            OSError: there is no git.
        """
        import subprocess
        from threading import Timer

        options = options or GitOptions()
        settings = [*_OFF.items(), *drivers.items(), *options.config]
        words = [word for name, value in settings for word in ("-c", f"{name}={value}")]
        with _input(options.stdin) as stdin:
            self._process = subprocess.Popen(  # noqa: S603 - a list, no shell
                [_program(), "--no-pager", *words, "-C", str(folder), *arguments],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors or subprocess.DEVNULL,
                env={**_variables(), **options.variables},
                bufsize=0,
            )
        self._timer = Timer(options.seconds or SECONDS, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        """Give what was started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it runs yet."""
        self._timer.cancel()
        self._process.kill()
        self.stdout.close()
        self._process.wait()

    @property
    def stdout(self) -> IO[bytes]:
        """What it prints."""
        return cast("IO[bytes]", self._process.stdout)

    @property
    def code(self) -> int:
        """Its exit code, once it has ended; negative where it was ended."""
        return self._process.wait()

    def whole(self, codes: Container[int] = (0,)) -> bytes | None:
        """Return all output of a git that succeeded; None of another, or of too much."""
        pieces = [*self._read()]
        size = sum(map(len, pieces))
        return b"".join(pieces) if size < MOST_BYTES and self.code in codes else None

    def pieces(self) -> Iterator[bytes]:
        """Return the output as it comes, cut at each NUL."""
        rest = b""
        for content in self._read():
            *whole, rest = (rest + content).split(b"\0")
            yield from whole

    def _read(self) -> Iterator[bytes]:
        """Return the output as it comes, up to the bound."""
        left, source = MOST_BYTES, self.stdout
        while left > 0 and (content := source.read(min(left, _CHUNK))):
            left -= len(content)
            yield content


@contextmanager
def _input(content: bytes) -> Iterator[IO[bytes] | int]:
    """Give what git reads: a file, which needs nobody that writes while git prints."""
    if not content:
        yield -3  # subprocess.DEVNULL, which isn't imported before it is needed
        return
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def _program() -> str:
    """Return the path of git.

    Raises:
        FileNotFoundError: there is none.
    """
    path = shutil.which("git")
    if path is None:
        raise FileNotFoundError("git")
    return path


def _variables() -> dict[str, str]:
    """Return this process's variables without those by which git takes orders."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or n in _KEPT}
    return kept | _VARIABLES
