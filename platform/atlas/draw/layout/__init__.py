"""Where things are drawn: boxes and routes, in pixels."""

from atlas.draw.layout.geometry import Box, Layout, Point
from atlas.draw.layout.layered import layered

__all__ = ["Box", "Layout", "Point", "layered"]
