"""Pictures that steps give as outputs: PNG and SVG, which pages and notebooks show as they are."""

from __future__ import annotations

from base64 import b64encode

PNG_START = b"\x89PNG\r\n\x1a\n"
"""What every PNG begins with."""
_SVG_STARTS = ("<svg", "<?xml", "<!--", "<!DOCTYPE svg")


class Png(bytes):
    """A picture as PNG; what a figure of Matplotlib comes back as.

    Raises:
        ValueError: these bytes are no PNG.
    """

    __slots__ = ()

    def __new__(cls, content: bytes) -> Png:
        """Check how it begins."""
        if not content.startswith(PNG_START):
            raise ValueError(f"found bytes that begin with {content[:8]!r}, expected a PNG")
        return super().__new__(cls, content)

    def __repr__(self) -> str:
        """Return its size: a notebook keeps this beside the picture."""
        return f"<Png of {len(self):,} bytes>"

    def _repr_png_(self) -> bytes:
        """Show it in a notebook."""
        return bytes(self)

    def as_html(self) -> str:
        """Return an element that shows it on a page, and loads nothing."""
        return _image("image/png", self)


class Svg(str):
    """A picture as SVG; what a figure of Matplotlib comes back as where the Recipe says ``svg``.

    Raises:
        ValueError: the text is no SVG.
    """

    __slots__ = ()

    def __new__(cls, content: str) -> Svg:
        """Check how it begins."""
        if not content.lstrip("\ufeff \t\r\n").startswith(_SVG_STARTS):
            raise ValueError(f"found text that begins with {content[:20]!r}, expected <svg")
        return super().__new__(cls, content)

    def _repr_html_(self) -> str:
        """Show it in a notebook as an image: so no script in it is run."""
        return self.as_html()

    def as_html(self) -> str:
        """Return an element that shows it on a page, loads nothing and runs nothing."""
        return _image("image/svg+xml", self.encode("utf-8", "replace"))


def _image(media: str, content: bytes) -> str:
    source = f"data:{media};base64,{b64encode(content).decode()}"
    return f'<img alt="figure" style="max-width:100%" src="{source}">'
