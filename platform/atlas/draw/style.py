"""The styles of an SVG, bound to its id: for a light page, and for a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw.layout.geometry import DETAIL, LABEL, TITLE
from atlas.draw.palette import COLOURS, EDGES, GROUP, PAGE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_WIDTH = 720
FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif'
"""None of them is wider than the widths that boxes are made for."""


def style(of: str, width: float) -> str:
    """Return the style sheet of the SVG with an id, which is so many pixels wide.

    It takes as much of its width as there is, and on a narrow page a part of it that can be read.
    """
    dark = "".join(f"#{of} {rule}" for rule in _colours(dark=True))
    light = "".join(f"#{of} {rule}" for rule in (*_shapes(), *_colours(dark=False)))
    least = f"min-width:{min(width, _LEAST_WIDTH):.0f}px;"
    root = f"#{of}{{font:{LABEL}px {FONTS};max-width:100%;{least}height:auto}}"
    return f"{root}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _shapes() -> Iterator[str]:
    """Give the rules that are the same on every page."""
    yield f".title{{font-size:{TITLE}px}}"
    yield f".small{{font-size:{DETAIL}px}}"
    yield ".middle{text-anchor:middle}"
    yield ".halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}"
    yield ".node{stroke-width:1.5}"
    yield ".node text{stroke:none}"
    yield ".node .bar{fill:none}"
    yield ".node.removed,.node.skipped,.node.rival{stroke-dasharray:5 3}"
    yield ".edge{fill:none;stroke-width:1.5}"
    yield ".edge.order,.edge.removed{stroke-dasharray:5 4}"
    yield f".badge{{stroke-width:1.5;stroke-dasharray:none;font-size:{DETAIL}px}}"


def _colours(*, dark: bool) -> Iterator[str]:
    """Give the rules for a light or a dark page."""
    shift = 2 if dark else 0
    yield f".page{{fill:{PAGE[shift]}}}"
    yield f".group rect{{fill:{GROUP[shift]};stroke:{GROUP[shift + 1]}}}"
    yield f"text{{fill:{TEXT[shift]}}}"
    yield f".small{{fill:{TEXT[shift + 1]}}}"
    yield f".halo{{stroke:{GROUP[shift]}}}"
    for name, colours in COLOURS.items():
        yield f".{name}{{fill:{colours[shift]};stroke:{colours[shift + 1]}}}"
        yield f".{name} .badge circle{{fill:{colours[shift + 1]};stroke:{PAGE[shift]}}}"
    yield f".badge text{{fill:{PAGE[shift]}}}"
    for name, colours in EDGES.items():
        yield f".edge.{name}{{fill:none;stroke:{colours[shift + 1]}}}"
        yield f"marker.{name}{{fill:{colours[shift + 1]};stroke:none}}"
