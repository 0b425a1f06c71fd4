"""Reading somebody else's files: bounded, as text and syntax trees alone, without links."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.load import shown
from atlas.syntax import syntax_tree

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

MOST_FILES = 2_000
MOST_BYTES = 1_000_000
"""Of one file."""
_LEFT_OUT = frozenset(
    {"__pycache__", "node_modules", "site-packages", "tests", "venv", "build", "dist"}
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A module's text and tree.

    Attributes:
        path: the file.
        place: how messages call it.
        text: its content.
        tree: its syntax tree.
    """

    path: Path
    place: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Return the place of a node in it."""
        return f"{self.place}:{getattr(node, 'lineno', 1)}"


def text_of(path: Path) -> str:
    """Return a file's text.

    Raises:
        AtlasError: it can't be read, isn't UTF-8, or has more than `MOST_BYTES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise AtlasError(f"{shown(path)}: has more than {MOST_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AtlasError(f"{shown(path)}: can't be read: {reason}") from None
    except UnicodeDecodeError:
        raise AtlasError(f"{shown(path)}: isn't UTF-8 text") from None


def source_of(path: Path, root: Path) -> SourceFile:
    """Return a Python file, read and parsed, never imported.

    Raises:
        AtlasError: it can't be read, or isn't Python of this version.
    """
    text = text_of(path)
    place = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        return SourceFile(path, place, text, syntax_tree(text))
    except SyntaxError as error:
        raise AtlasError(f"{shown(path)}:{error.lineno or 1}: isn't Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise AtlasError(
            f"{shown(path)}: can't be parsed: it has a NUL, or is nested too deep"
        ) from None


def files_below(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files of a folder with some suffixes, sorted; no link is followed.

    Raises:
        AtlasError: there are more than `MOST_FILES`.
    """
    found = list(_walk(folder, suffixes))
    if len(found) > MOST_FILES:
        raise AtlasError(
            f"{shown(folder)}: has more than {MOST_FILES:,} files; give a folder in it"
        )
    return sorted(found)


def _walk(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    count = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in _LEFT_OUT and one[0] != ".")
        for name in sorted(names):
            path = Path(where, name)
            if name.endswith(suffixes) and path.is_file() and not path.is_symlink():
                count += 1
                yield path
                if count > MOST_FILES:
                    return
