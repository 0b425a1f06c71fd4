"""Formats of pictures: figures of Matplotlib, PNG and SVG as they are, images of Pillow.

The same figure gives the same bytes in every process: no time, version or random id is in them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Encoded, Facts, ancestry, article, type_name
from atlas.pictures import Png, Svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.formats.format import WiderTypes
    from atlas.formats.trust import Trust

_FIGURE = "matplotlib.figure.Figure"
_ALIASES = {"matplotlib.pyplot.Figure": _FIGURE}
MOST_PIXELS = 100_000_000
"""The most pixels of a picture that is written or read: a small file can say any number."""


class PngPicture(Encoded):
    """A picture as PNG: a figure of Matplotlib, which comes back as `Png`."""

    name = "png"
    suffix = ".png"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"atlas.pictures.Png": ("bytes",), _FIGURE: ()}
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    arrives: ClassVar[Mapping[str, str]] = {_FIGURE: "atlas.pictures.Png"}
    shows = "picture"

    def encode(self, value: Any) -> bytes:
        """Return the picture's bytes; a figure is drawn as large as it says.

        Raises:
            StoreError: it is neither a figure nor a PNG, or has too many pixels.
        """
        if isinstance(value, bytes):
            return bytes(Png(value))
        figure = _figure_of(value)
        width, height = (length * figure.dpi for length in figure.get_size_inches())
        if width * height > MOST_PIXELS:
            found = f"the figure has {width:.0f} by {height:.0f} pixels"
            raise StoreError(f"{found}, expected {MOST_PIXELS:,} at most; lower its dpi or size")
        return _drawn(figure, "png", {"Software": None})

    def decode(self, content: bytes) -> Any:
        """Return the picture."""
        return Png(content)

    def page(self, content: bytes) -> str:
        """Return what a page shows."""
        return Png(content).as_html()


class SvgPicture(Encoded):
    """A picture as SVG, as UTF-8; a figure of Matplotlib where the Recipe says so."""

    name = "svg"
    suffix = ".svg"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"atlas.pictures.Svg": ("str",)}
    arrives: ClassVar[Mapping[str, str]] = {_FIGURE: "atlas.pictures.Svg"}
    shows = "picture"

    def encode(self, value: Any) -> bytes:
        """Return the picture's text; a figure is drawn.

        Raises:
            StoreError: it is neither a figure nor text.
        """
        if isinstance(value, str):
            return Svg(value).encode("utf-8", "surrogatepass")
        return _drawn(_figure_of(value), "svg", {"Date": None, "Creator": None})

    def decode(self, content: bytes) -> Any:
        """Return the picture."""
        return Svg(content.decode("utf-8", "surrogatepass"))

    def page(self, content: bytes) -> str:
        """Return what a page shows."""
        return self.decode(content).as_html()  # type: ignore[no-any-return]


class PillowImage(Encoded):
    """An image of Pillow, as PNG: the same pixels in the same mode."""

    name = "image"
    suffix = ".png"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"PIL.Image.Image": ()}
    shows = "picture"

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the image as PNG, without its metadata.

        Raises:
            StoreError: PNG doesn't have its mode.
        """
        if not self.accepts(value):
            raise StoreError(f"found {article(type_name(value))}, expected an image of Pillow")
        if value.mode not in _MODES:
            expected = f"expected {', '.join(_MODES)}"
            raise StoreError(
                f"an image of mode {value.mode!r}, which PNG doesn't have; {expected}: "
                'value.convert("RGB")'
            )
        plain = value.copy()
        plain.info = {key: plain.info[key] for key in ("transparency",) if key in plain.info}
        target = io.BytesIO()
        plain.save(target, "PNG")
        return target.getvalue(), {}

    def decode(self, content: bytes) -> Any:
        """Return the image, of Pillow's own class.

        Raises:
            StoreError: it has too many pixels to be opened.
        """
        from PIL import Image

        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise StoreError(f"it has {width} by {height} pixels; at most {MOST_PIXELS:,} are")
            opened.load()
            return opened.copy()

    def page(self, content: bytes) -> str:
        """Return what a page shows."""
        return Png(content).as_html()


_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def _figure_of(value: Any) -> Any:
    """Return a figure of Matplotlib.

    Raises:
        StoreError: it is none.
    """
    if "matplotlib.Figure" in ancestry(value):
        return value
    hint = "; return ax.figure" if "matplotlib.Axes" in ancestry(value) else ""
    raise StoreError(f"found {article(type_name(value))}, expected a figure of Matplotlib{hint}")


def _drawn(figure: Any, kind: str, metadata: Mapping[str, None]) -> bytes:
    """Draw a figure, with the settings of the process but for what would differ each time."""
    import matplotlib as mpl

    target = io.BytesIO()
    settings: Any = {"svg.hashsalt": "atlas", "savefig.dpi": "figure"}
    with mpl.rc_context(settings):
        figure.savefig(target, format=kind, metadata=dict(metadata))
    return target.getvalue()
