"""The settings of a project: ``[tool.atlas]`` of a pyproject.toml, read and checked."""

from __future__ import annotations

import os
import re
import tomllib
from typing import TYPE_CHECKING, Any

from atlas.errors import DocumentError, Problem, clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_BYTES = 4 * 2**20
_LONGEST_PATH = 100
_MENTIONED = re.compile(rb"tool\s*\.\s*atlas|atlas\s*=|^\s*\[\s*tool\s*\]", re.MULTILINE)
_SETTINGS: Mapping[str, type] = {
    "state": str,
    "allow": list,
    "base-image": str,
    "formats": list,
    "backend": str,
    "id": str,
    "owner": str,
}


def tool_atlas(file: Path) -> Mapping[str, Any] | None:
    """Return ``[tool.atlas]`` of a pyproject.toml, or None when there is none.

    Raises:
        DocumentError: the file can't be read, or a setting is unknown or of the wrong kind.
    """
    try:
        if not os.path.isfile(file):
            return None
        with file.open("rb") as stream:
            raw = stream.read(_MOST_BYTES)
    except (OSError, ValueError):
        return None
    if not _MENTIONED.search(raw):
        return None
    try:
        tool = tomllib.loads(raw.decode("utf-8-sig")).get("tool")
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200] or "nested too deep"
        message = f"isn't TOML: {reason[0].lower()}{reason[1:]}"
        problem = Problem(code="P001", message=message, file=_shown(file))
        raise DocumentError(problem) from None
    table = tool.get("atlas") if isinstance(tool, dict) else None
    return None if table is None else _checked(file, table)


def _checked(file: Path, table: Any) -> Mapping[str, Any]:
    """Return the settings, if each is known and of its kind.

    Raises:
        DocumentError: one isn't.
    """
    if not isinstance(table, dict):
        raise DocumentError(_wrong(file, "tool.atlas", "isn't a table", "[tool.atlas]"))
    for key, value in table.items():
        if key not in _SETTINGS:
            hint = _nearest(key)
            known = ", ".join(_SETTINGS)
            raise DocumentError(
                _wrong(file, f"tool.atlas.{key}", "there is no such setting", known, hint)
            )
        if not _is_right(value, _SETTINGS[key]):
            what = "a text that isn't empty" if _SETTINGS[key] is str else "a list of texts"
            raise DocumentError(_wrong(file, f"tool.atlas.{key}", "is of the wrong kind", what))
    return table


def _shown(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def _nearest(key: str) -> str:
    """Return the hint for a setting that is written a little differently."""
    tidy = key.lower().replace("_", "-")
    return f"did you mean '{tidy}'?" if tidy in _SETTINGS and tidy != key else ""


def _is_right(value: Any, kind: type) -> bool:
    items = value if kind is list and isinstance(value, list) else [value]
    return isinstance(value, kind) and all(isinstance(item, str) and item for item in items)


def _wrong(file: Path, path: str, message: str, expected: str, hint: str = "") -> Problem:
    return Problem(
        code="P002",
        message=message,
        file=_shown(file),
        path=clean(path, _LONGEST_PATH),
        expected=expected,
        hint=hint,
    )
