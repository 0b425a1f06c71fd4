"""Where installed modules are; nothing is imported, only the finders are asked."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

_FOUND: dict[tuple[str, tuple[str, ...]], Path] = {}
"""What was found on which path; a module that is installed later is found later."""


def module_file(folder: Path, parts: list[str]) -> Path | None:
    """Return the file of a module, named by its parts, in a folder."""
    base = os.path.join(folder, *parts)
    choices = (os.path.join(base, "__init__.py"), *((f"{base}.py",) if parts else ()))
    return next((Path(file) for file in choices if os.path.isfile(file)), None)


def installed_file(parts: list[str]) -> Path | None:
    """Return an installed module's file, or None when there is none of that name."""
    spec = _spec(parts[0])
    if spec is None:
        return None
    if len(parts) == 1 and spec.origin and spec.origin.endswith(".py"):
        return Path(spec.origin)
    places = spec.submodule_search_locations or ()
    files = (module_file(Path(place), parts[1:]) for place in places)
    return next((file for file in files if file is not None), None)


def installed_place(top: str) -> Path | None:
    """Return the file, or the folder, of an installed module that isn't inside of another."""
    key = (top, tuple(sys.path))
    if key not in _FOUND:
        spec = _spec(top)
        places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
        if not places or not places[0]:
            return None
        _FOUND[key] = Path(places[0])
    return _FOUND[key]


def _spec(name: str) -> ModuleSpec | None:
    """Ask the finders of editable installs too, which put themselves before the path."""
    finders: list[Any] = [PathFinder, *sys.meta_path]
    asked = (
        finder.find_spec(name, None, None) for finder in finders if hasattr(finder, "find_spec")
    )
    return next((spec for spec in asked if spec is not None), None)
