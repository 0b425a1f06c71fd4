"""The image that another one is built on, and what its name says of its Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.environment import find_project

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.recipe import Image

LOWEST = "3.11"
"""The lowest Python that Atlas runs with."""

_NAMED = re.compile(r"python[:-]?.*?(3\.(?:1[1-9]|[2-9][0-9]))(?![0-9])")


def base_of(image: Image, folder: Path) -> str:
    """Return the reference of an image's base: its own, or the project's."""
    return image.base or find_project(folder).base_image


def python_of(base: str) -> str:
    """Return the Python in the name of a base (``python:3.12-slim``), else the lowest."""
    match = _NAMED.search(base.partition("@")[0].rpartition("/")[2])
    return match[1] if match else LOWEST
