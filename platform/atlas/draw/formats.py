"""The formats by name, and the file endings that stand for them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.draw.model import Drawing, Marks

FORMATS: Mapping[str, str] = {
    "text": "as_text:text",
    "mermaid": "as_mermaid:mermaid",
    "dot": "as_dot:dot",
    "svg": "as_svg:svg",
    "png": "as_png:png",
    "html": "page:html",
}
"""Name of a format → the module below `atlas.draw` that draws it, and its function."""

_ENDINGS = {
    ".txt": "text", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot",
    ".svg": "svg", ".png": "png", ".html": "html", ".htm": "html",
}  # fmt: skip


def format_of(path: Path) -> str:
    """Return the format that a file's ending stands for, or nothing."""
    return _ENDINGS.get(path.suffix.lower(), "")


def drawn(drawing: Drawing, form: str, marks: Marks | None = None) -> bytes:
    """Return a drawing in a format, as a file of it holds it.

    Args:
        drawing: what to draw.
        form: one of `FORMATS`.
        marks: a node's id → its outcome.

    Raises:
        TargetError: the format is ``png`` and Graphviz, which paints it, isn't there.
    """
    module, function = FORMATS[form].split(":")
    content = getattr(import_module(f"atlas.draw.{module}"), function)(drawing, marks)
    return content if isinstance(content, bytes) else content.encode()
