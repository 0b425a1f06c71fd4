"""Scripts, and notebooks as scripts: their cells of Python, one after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.load import shown
from atlas.syntax import syntax_tree
from atlas_import.draft import Note
from atlas_import.sources import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def script_of(path: Path) -> tuple[str, list[Note]]:
    """Return a script's text, or a notebook's cells as a script, with notes on what was left out.

    Raises:
        AtlasError: it can't be read, or isn't Python.
    """
    notes: list[Note] = []
    text = text_of(path)
    if path.suffix == ".ipynb":
        text = "\n\n".join((f"# The cells of {path.name}.", *_cells(path, text, notes))) + "\n"
    try:
        syntax_tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise AtlasError(f"{shown(path)}: isn't Python that can be parsed") from None
    return text, notes


def cells_of(path: Path, notes: list[Note]) -> Iterator[str]:
    """Give the code of each cell of a notebook; what was left out is noted.

    Raises:
        AtlasError: it can't be read, or isn't a notebook.
    """
    return _cells(path, text_of(path), notes)


def _cells(path: Path, text: str, notes: list[Note]) -> Iterator[str]:
    """Give the code of each cell; commands of IPython become comments."""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        codes = ["".join(one) if isinstance(one, list) else str(one) for one in sources]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AtlasError(f"{shown(path)}: isn't a notebook that can be read") from None
    for number, code in enumerate(codes, start=1):
        lines = code.splitlines()
        magic = [line.strip() for line in lines if line.lstrip().startswith(("%", "!"))]
        if lines and lines[0].startswith("%%"):
            notes.append(
                Note(f"{path.name}: cell {number}", f"'{lines[0][:60]}' wasn't taken over")
            )
            yield "\n".join(f"# {line}" for line in lines)
            continue
        notes += [
            Note(f"{path.name}: cell {number}", f"'{line[:60]}' became a comment") for line in magic
        ]
        yield "\n".join(f"# {line}" if line.strip() in magic else line for line in lines)
