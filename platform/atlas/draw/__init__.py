"""Drawing: Plans and Recipes as text, Mermaid, DOT, SVG, PNG and HTML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlas.draw.as_dot import dot
    from atlas.draw.as_mermaid import mermaid
    from atlas.draw.as_png import png
    from atlas.draw.as_svg import svg
    from atlas.draw.as_text import text
    from atlas.draw.compare import diff
    from atlas.draw.formats import FORMATS, drawn, format_of
    from atlas.draw.model import OUTCOMES, Drawing, Edge, Group, Marks, Node
    from atlas.draw.page import html
    from atlas.draw.paths import diff_of_paths, of_path
    from atlas.draw.plans import of_plan, of_plans
    from atlas.draw.recipes import of_recipe

_HOMES = {
    "as_dot": ("dot",),
    "as_mermaid": ("mermaid",),
    "as_png": ("png",),
    "as_svg": ("svg",),
    "as_text": ("text",),
    "compare": ("diff",),
    "formats": ("FORMATS", "drawn", "format_of"),
    "model": ("OUTCOMES", "Drawing", "Edge", "Group", "Marks", "Node"),
    "page": ("html",),
    "paths": ("diff_of_paths", "of_path"),
    "plans": ("of_plan", "of_plans"),
    "recipes": ("of_recipe",),
}
"""The module of each name: none is imported before it is asked for, for each run draws one SVG."""
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FORMATS",
    "OUTCOMES",
    "Drawing",
    "Edge",
    "Group",
    "Marks",
    "Node",
    "diff",
    "diff_of_paths",
    "dot",
    "drawn",
    "format_of",
    "html",
    "mermaid",
    "of_path",
    "of_plan",
    "of_plans",
    "of_recipe",
    "png",
    "svg",
    "text",
]


def __getattr__(name: str) -> Any:
    """Import what is named, when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
