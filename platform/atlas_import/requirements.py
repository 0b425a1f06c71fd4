"""A requirements file, without what only the old framework needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas_import.draft import Note
from atlas_import.sources import text_of

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[\w, -]*\])?\s*(?:[<>=!~][^;#@]*)?(?:;[^#]*)?(?:#.*)?"
)
_OF_FRAMEWORKS = re.compile(
    r"(kedro|apache-airflow|airflow|elyra|jupyter|notebook|ipython|ipykernel)[\w.-]*", re.IGNORECASE
)


def requirements_of(path: Path, place: str) -> tuple[tuple[str, ...], list[Note]]:
    """Return the lines of a requirements file that are taken over, and notes on the others."""
    if not path.is_file():
        return (), []
    try:
        lines = text_of(path).splitlines()
    except AtlasError as error:
        return (), [Note(place, str(error))]
    taken: list[str] = []
    notes: list[Note] = []
    for number, line in enumerate((one.strip() for one in lines), start=1):
        found = _LINE.fullmatch(line)
        if found and not _OF_FRAMEWORKS.fullmatch(found["name"]):
            taken.append(line.partition("#")[0].strip())
        elif line and not line.startswith("#"):
            why = "Atlas needs none of it" if found else "it isn't a plain requirement"
            notes.append(Note(f"{place}:{number}", f"'{line[:80]}' wasn't taken over: {why}"))
    return tuple(taken), notes
