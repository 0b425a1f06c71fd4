"""Look for programs and libraries, and say what was found."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import Distribution, MetadataPathFinder
from typing import TYPE_CHECKING

from atlas_toolchain import catalog, debian, shell
from atlas_toolchain.finding import Finding
from atlas_toolchain.version import first_version, satisfies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_toolchain.catalog import Library, ToolchainProgram

DISTRIBUTION = "atlas-ml"


def python(path: str) -> Finding:
    """Return the finding for the Python that Atlas runs with."""
    version = version_of(path, ["-V"])
    return Finding(
        tool="python",
        found=version,
        needed=catalog.PYTHON,
        origin=path,
        without="nothing",
        get="install Python 3.11, 3.12 or 3.13",
        why=_why(path, version),
        required=True,
        ok=satisfies(version, catalog.PYTHON),
    )


def programs() -> list[Finding]:
    """Return one finding for each program of the catalogue."""
    return [program(entry) for entry in catalog.PROGRAMS]


def program(entry: ToolchainProgram) -> Finding:
    """Return the finding for one program."""
    path = next(filter(None, map(shutil.which, entry.names or (entry.name,))), "")
    version = version_of(path, entry.arguments) if path else ""
    return Finding(
        tool=entry.name,
        found=version,
        needed=entry.needed,
        origin=path,
        without=entry.without,
        get=debian.command(entry),
        why=_why(path, version),
        ok=satisfies(version, entry.needed),
    )


def _why(path: str, version: str) -> str:
    """Return why a program won't do, should it not do."""
    if not path:
        return "not on PATH"
    return f"found {version} at {path}" if version else f"{path} gives no version"


def version_of(path: str, arguments: Sequence[str]) -> str:
    """Return the version that a program says it has, or "" when it doesn't run."""
    try:
        return first_version(shell.run([path, *arguments], timeout=10))
    except shell.REFUSALS:
        return ""


def libraries(path: list[str]) -> list[Finding]:
    """Return one finding for each library of the catalogue, looked for in these folders."""
    needed = _needed(path)
    return [_library(entry, path, needed.get(entry.name, "")) for entry in catalog.LIBRARIES]


def _library(entry: Library, path: list[str], needed: str) -> Finding:
    """Return the finding for one library."""
    installed = _distribution(entry.name, path)
    version = installed.version if installed else ""
    extra = f"[{entry.extra}]" if entry.extra else ""
    return Finding(
        tool=entry.name,
        found=version,
        needed=needed,
        origin=f"{DISTRIBUTION}{extra}",
        without=entry.without,
        get=f"pip install '{DISTRIBUTION}{extra}' (in the tree: make setup)",
        why=f"found {version}" if version else "not installed",
        required=not entry.extra,
        ok=satisfies(version, needed),
    )


def _distribution(name: str, path: list[str]) -> Distribution | None:
    """Return an installed distribution, or None."""
    context = MetadataPathFinder.Context(name=name, path=path)
    return next(iter(MetadataPathFinder.find_distributions(context)), None)


def _needed(path: list[str]) -> dict[str, str]:
    """Return the versions that this distribution's own metadata ask for, by library."""
    own = _distribution(DISTRIBUTION, path)
    lines = (own.requires if own else None) or []
    pairs = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?([^;]*)", line) for line in lines)
    return {match[1]: match[2].strip() for match in pairs if match}
