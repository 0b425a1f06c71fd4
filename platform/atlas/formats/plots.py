"""Formats of Plotly's figures: a page that shows the figure and loads nothing, or its JSON alone.

A page brings plotly.js along (4.6 MiB), so that it can be looked at anywhere, for good; the figure
itself is in it as JSON, from which it is read back. No script of the page is run for that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Encoded, ancestry, article, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.formats.format import WiderTypes

_FIGURE = "plotly.graph_objects.Figure"
_START = '<script type="application/json" id="atlas-figure">'
_END = "</script>"
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    "<title>Figure</title><style>body{margin:0}#figure{width:100%;min-height:450px;height:100vh}"
    '</style></head><body><div id="figure"></div>\n'
)
_SHOW = (
    "const f=JSON.parse(document.getElementById('atlas-figure').textContent);"
    "Plotly.newPlot('figure',f.data,f.layout,{responsive:true})"
    ".then(function(d){if(f.frames)Plotly.addFrames(d,f.frames)});"
)
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What could end the script that the figure is in, as JSON writes it in a string."""


class PlotlyPage(Encoded):
    """A figure of Plotly, as a page that shows it and loads nothing; comes back as a figure."""

    name = "plotly"
    suffix = ".html"
    proves_itself = True
    types: ClassVar[WiderTypes] = {_FIGURE: ()}
    aliases: ClassVar[Mapping[str, str]] = {
        "plotly.graph_objs.Figure": _FIGURE,
        "plotly.graph_objs._figure.Figure": _FIGURE,
    }
    shows = "html"

    def encode(self, value: Any) -> bytes:
        """Return the page.

        Raises:
            StoreError: it isn't a figure of Plotly.
        """
        figure = _json_of(value).translate(_ESCAPES)
        from plotly.offline import get_plotlyjs

        library = f"<script>{get_plotlyjs()}</script>\n<script>{_SHOW}</script></body></html>\n"
        return f"{_HEAD}{_START}{figure}{_END}\n{library}".encode()

    def decode(self, content: bytes) -> Any:
        """Return the figure that is in a page.

        Raises:
            StoreError: none is.
        """
        _, start, rest = content.partition(_START.encode())
        figure, end, _ = rest.partition(_END.encode())
        if not start or not end:
            raise StoreError("the page has no figure of Plotly in it")
        return _figure_of(figure)


class PlotlyJson(Encoded):
    """A figure of Plotly as JSON alone, where the Recipe says so: small, and no page."""

    name = "plotly-json"
    suffix = ".json"
    proves_itself = True

    def accepts(self, value: Any) -> bool:
        """Take nothing by its type."""
        return False

    def encode(self, value: Any) -> bytes:
        """Return the figure as JSON.

        Raises:
            StoreError: it isn't a figure of Plotly.
        """
        return _json_of(value).encode()

    def decode(self, content: bytes) -> Any:
        """Return the figure."""
        return _figure_of(content)


def _json_of(value: Any) -> str:
    """Return a figure as JSON, in the same way whatever faster writer is installed.

    Raises:
        StoreError: it isn't a figure of Plotly.
    """
    if "plotly.Figure" not in ancestry(value):
        raise StoreError(f"found {article(type_name(value))}, expected a figure of Plotly")
    from plotly.io import to_json

    text: str = to_json(value, engine="json")
    return text


def _figure_of(text: bytes) -> Any:
    """Return the figure that JSON describes: Plotly checks each of its names and values."""
    from plotly.graph_objects import Figure

    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise StoreError("it isn't a figure of Plotly")
    return Figure(**{name: raw[name] for name in ("data", "layout", "frames") if name in raw})
