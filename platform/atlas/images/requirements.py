"""What an image needs from a package index: the user's requirements, and Atlas's own."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import requires
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.images.problems import invalid, place
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DISTRIBUTION = "atlas-ml"
"""The distribution that Atlas is; in an image it is put there by the build, from no index."""

_COMMAND_LINE = frozenset({"typer"})
"""What only the command line needs, which isn't in step images."""

_OWN = re.compile(rf"^{DISTRIBUTION}\s*(?:\[([\w, -]*)\])?\s*(?:[<>=!~].*)?$", re.IGNORECASE)
_INCLUDE = re.compile(r"^(-r|--requirement|-c|--constraint)(?:\s+|=)(.+)$")
_OPTION = re.compile(
    r"^(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--pre|--prefer-binary"
    r"|--only-binary|--no-binary)(\s|=|$)"
)
_FOLDER = re.compile(r"^(-f|--find-links)[\s=]+(?!/|\w+://)(\S+)$")
_CREDENTIALS = re.compile(r"://[^/\s@]*:?[^/\s@]*@")
_EXTRA = re.compile(
    r"^(?P<requirement>.*?)\s*;\s*(?:\((?P<other>.*)\) and )?extra == '(?P<extra>[^']+)'$"
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """Requirements as uv takes them, with those of Atlas among them.

    Attributes:
        lines: the user's lines, of included files too, with Atlas's extras written out.
        constraints: lines that bound versions and ask for nothing.
        options: lines that say where packages are (``--extra-index-url``, ``--find-links``).
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 of all lines, 64 hexadecimal digits."""
        return digest([self.lines, self.constraints, self.options])

    def options_from(self, folder: Path) -> list[str]:
        """Return the options with a relative folder of packages made absolute."""
        return [_FOLDER.sub(lambda match: _absolute(match, folder), line) for line in self.options]


def read_requirements(folder: Path, path: str) -> Requirements:
    """Read a requirements file with all that it includes, and add what Atlas itself needs.

    Args:
        folder: the pipeline's folder.
        path: the file, relative to it; empty for what Atlas needs alone.

    Raises:
        InvalidError: a file is missing, is outside of the folder, or holds a password.
    """
    lines = list(_lines(folder, folder / path, ())) if path else []
    desired = [line for kind, line in lines if kind == "-r" and line[0] != "-"]
    written_out = [
        requirement for line in (*desired, DISTRIBUTION) for requirement in _written_out(line)
    ]
    bounds = tuple(line for kind, line in lines if kind == "-c" and line[0] != "-")
    options = tuple(line for _, line in lines if line[0] == "-")
    return Requirements(tuple(dict.fromkeys(written_out)), bounds, options)


def _lines(
    folder: Path, file: Path, trail: tuple[Path, ...], kind: str = "-r"
) -> Iterator[tuple[str, str]]:
    """Return every requirement (``-r``) and constraint (``-c``) of a file, without comments."""
    file = file.resolve()
    if file in trail:
        return
    for line in _logical(_read(folder, file)):
        if _CREDENTIALS.search(line):
            message = "holds a password, which would be in a layer of the image"
            hint = "give it to uv in UV_INDEX_URL, in UV_INDEX_<NAME>_PASSWORD or in ~/.netrc"
            raise invalid("I102", message, file=place(file, folder.resolve()), hint=hint)
        include = _INCLUDE.match(line)
        if line[0] == "-" and not include and not _OPTION.match(line):
            hint = "name a distribution that an index has, or use a Dockerfile"
            message = f"'{line}' can't be in an image"
            raise invalid("I101", message, file=place(file, folder.resolve()), hint=hint)
        if include is None:
            yield kind, line
            continue
        inner = "-c" if include[1] in ("-c", "--constraint") else kind
        yield from _lines(folder, file.parent / include[2].strip(), (*trail, file), inner)


def _read(folder: Path, file: Path) -> str:
    shown = place(file, folder.resolve())
    if not file.is_relative_to(folder.resolve()):
        raise invalid(
            "I101", "is outside of the pipeline's folder", file=shown, hint="move it there"
        )
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "isn't UTF-8 text"
        raise invalid("I101", f"the requirements can't be read: {reason}", file=shown) from None


def _absolute(match: re.Match[str], folder: Path) -> str:
    return f"{match[1]} {(folder / match[2]).resolve()}"


def _logical(text: str) -> Iterator[str]:
    """Return the lines that say something, joined where they end in a backslash."""
    for line in text.lstrip("\ufeff").replace("\\\n", " ").splitlines():
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        if text:
            yield " ".join(text.split())


def _written_out(line: str) -> Iterable[str]:
    """Return a line, or for ``atlas-ml[extra]`` what Atlas and the extra need from the index."""
    own = _OWN.match(line)
    if own is None:
        return (line,)
    extras = {extra.strip() for extra in (own[1] or "").split(",")} - {""}
    return own_requirements(frozenset(extras))


@cache
def own_requirements(extras: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return what a step needs of Atlas's core and extras from an index.

    Raises:
        InvalidError: Atlas has no such extra.
    """
    known = [_conditional(line) for line in requires(DISTRIBUTION) or () if not _only_cli(line)]
    strange = extras - {extra for _, extra in known}
    if strange:
        expected = ", ".join(sorted({extra for _, extra in known} - {""}))
        message = f"{DISTRIBUTION} has no extra '{min(strange)}'; expected one of {expected}"
        raise invalid("I103", message)
    lines = [line for line, extra in known if not extra or extra in extras]
    return tuple(sorted({requirement for line in lines for requirement in _written_out(line)}))


def _only_cli(line: str) -> bool:
    return re.split(r"[^A-Za-z0-9_-]", line, maxsplit=1)[0] in _COMMAND_LINE


def _conditional(line: str) -> tuple[str, str]:
    """Return a requirement of a distribution's metadata, and the extra that it belongs to."""
    match = _EXTRA.match(line)
    if match is None:
        return line, ""
    other = f" ; {match['other']}" if match["other"] else ""
    return f"{match['requirement']}{other}", match["extra"]
