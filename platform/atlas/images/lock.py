"""The lock of an image's requirements: every distribution, its version and its files' hashes.

It stands beside the requirements (``requirements.txt`` → ``requirements.lock``), is committed with
them, and says in its first line which requirements it was made from.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.images.base import base_of, python_of
from atlas.images.requirements import Requirements, read_requirements

if TYPE_CHECKING:
    from atlas.recipe import Image

CORE = Path(__file__).parent / "core.lock"
"""The lock of what Atlas itself needs, for images that have no requirements of their own."""
MONITOR = Path(__file__).parent / "monitor"
"""The folder of the image that a monitor's tasks run in: what it needs, with the lock of that."""

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ImageLock:
    """Where a lock is, or is to be, and whether it holds for the requirements of today.

    Attributes:
        file: the lock's path; it may not be there.
        requirements: what it has to hold for.
        python: the lowest Python that it has to hold for, ``3.11``.
        text: its content; empty when it isn't there.
        fresh: whether it was made from these requirements.
    """

    file: Path
    requirements: Requirements
    python: str
    text: str = ""
    fresh: bool = False

    @property
    def digest(self) -> str:
        """A digest of what would be installed, or of what is asked for while that isn't locked."""
        if not self.fresh:
            return f"unlocked-{self.requirements.digest}-{self.python}"
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def pins(self) -> dict[str, str]:
        """The version of each distribution, by its name as PyPI compares it."""
        return {normal(name): version for name, version in _PIN.findall(self.text)}


def lock_for(image: Image, folder: Path) -> ImageLock:
    """Return the lock of an image's requirements; for a Dockerfile's image, that of Atlas's own.

    Raises:
        InvalidError: the requirements can't be read.
    """
    requirements = read_requirements(folder, image.requirements)
    python = python_of(base_of(image, folder))
    if not image.requirements:
        return ImageLock(CORE, requirements, python, CORE.read_text("utf-8"), fresh=True)
    file = (folder / image.requirements).with_suffix(".lock")
    if folder == MONITOR:  # It holds for every Python, and is Atlas's own.
        return ImageLock(file, requirements, python, file.read_text("utf-8"), fresh=True)
    text = file.read_text("utf-8") if file.is_file() else ""
    return ImageLock(file, requirements, python, text, text.startswith(stamp(requirements, python)))


def stamp(requirements: Requirements, python: str) -> str:
    """Return the first line of a lock that holds for these requirements."""
    return f"# atlas-lock: 1 python={python} requirements={requirements.digest}\n"


def normal(name: str) -> str:
    """Return a distribution's name in the one spelling that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()
