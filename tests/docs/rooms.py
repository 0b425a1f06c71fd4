"""Pictures of who imports whom, drawn from the imports themselves.

An arrow that follows from others is left out: with A → B → C, A → C says nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import grimp

PACKAGES = (
    "atlas",
    "atlas_provider",
    "atlas_deploy",
    "atlas_import",
    "atlas_toolchain",
    "atlas_cli",
    "infra",
)
Arrows = Mapping[str, frozenset[str]]
"""Room → the rooms that it imports."""


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def packages() -> Arrows:
    """Return which package imports which."""
    return _arrows({name: name for name in PACKAGES})


def rooms(package: str) -> Arrows:
    """Return which room of a package imports which: its folders, and its modules at the top."""
    children = sorted(_graph().find_children(package))
    return _arrows({child: child.rpartition(".")[2] for child in children})


def mermaid(arrows: Arrows) -> str:
    """Return a picture of them as Mermaid's text."""
    lines = [
        f"    {room} --> {other}"
        for room, others in sorted(_reduced(arrows).items())
        for other in sorted(others)
    ]
    return "\n".join(["```mermaid", "graph LR", *lines, "```"])


def _arrows(names: Mapping[str, str]) -> Arrows:
    """Return the imports between modules, each with all below it; module → name in the picture."""
    graph = _graph()
    inside = {module: {module, *graph.find_descendants(module)} for module in names}
    home = {inner: module for module, below in inside.items() for inner in below}
    found: dict[str, set[str]] = {names[module]: set() for module in names}
    for inner, module in home.items():
        imported = {home.get(other) for other in graph.find_modules_directly_imported_by(inner)}
        found[names[module]] |= {names[other] for other in imported - {module, None} if other}
    return {name: frozenset(others) for name, others in found.items()}


def _reduced(arrows: Arrows) -> Arrows:
    """Return the arrows that don't follow from others."""
    return {
        room: frozenset(other for other in others if not reaches(arrows, others - {other}, other))
        for room, others in arrows.items()
    }


def reaches(arrows: Arrows, starts: Iterable[str], end: str) -> bool:
    """Tell whether a room can be reached from any of some."""
    seen: set[str] = set()
    left = [*starts]
    while left:
        room = left.pop()
        if room == end:
            return True
        if room not in seen:
            seen.add(room)
            left += arrows[room]
    return False
