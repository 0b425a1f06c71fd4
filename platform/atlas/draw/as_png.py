"""PNG: the same picture as the SVG, painted by Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from atlas.draw.as_dot import POINTS, dot
from atlas.draw.layout import layered
from atlas.errors import TargetError

if TYPE_CHECKING:
    from atlas.draw.model import Drawing, Marks

_SECONDS = 60
_SHARP, _MOST_PIXELS = 2, 30_000
"""Pixels painted for one of the layout; and how many a side may have at most."""


def png(drawing: Drawing, marks: Marks | None = None) -> bytes:
    """Return a drawing as PNG, twice as fine as the SVG unless it would become too large.

    Args:
        drawing: what to draw.
        marks: a node's id → its outcome.

    Raises:
        TargetError: Graphviz isn't installed, or fails.
    """
    painter = shutil.which("neato")
    if not painter:
        raise TargetError(
            "png: Graphviz isn't installed, and it paints PNGs: install it (`apt-get install "
            "graphviz`, `brew install graphviz`), or draw svg or html, which need nothing"
        )
    layout = layered(drawing)
    side = max(layout.width, layout.height)
    fine = max(min(_SHARP, _MOST_PIXELS / side), 0.1)
    text = dot(drawing, marks, layout=layout)
    return _painted([painter, "-n2", "-Tpng", f"-Gdpi={POINTS * fine:.0f}"], text)


def _painted(command: list[str], text: str) -> bytes:
    """Return what Graphviz makes of a text."""
    try:
        done = subprocess.run(  # noqa: S603
            command, input=text.encode(), capture_output=True, timeout=_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        message = error.stderr.decode(errors="replace").strip()
        raise TargetError(
            f"png: Graphviz failed: {message or f'exit code {error.returncode}'}"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"png: Graphviz didn't finish: {error}; draw svg or html") from error
    return done.stdout
