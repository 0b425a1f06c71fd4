"""Problems of what images are made from, each with its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import InvalidError, Problem

if TYPE_CHECKING:
    from pathlib import Path

CODES = {
    "I101": "an image's requirements can't be read, or are outside of the pipeline's folder",
    "I102": "an image's requirements hold a password",
    "I103": "Atlas has no such extra",
    "I104": "a Dockerfile can't be read, or is outside of the pipeline's folder",
    "I105": "an image's requirements can't be resolved",
    "I106": "an image's requirements can't be installed for its base",
    "I201": "an image isn't built",
    "I202": "there is no container engine, or no builder",
    "I203": "a base image isn't there, or isn't fit to be one",
    "I204": "a build failed",
    "I205": "a built image doesn't start",
    "I206": "a registry refuses, or can't be reached",
    "I207": "the disk is full",
}
"""What each code means; they join the table of `atlas.validate.codes`."""


def invalid(code: str, message: str, *, file: str = "", hint: str = "") -> InvalidError:
    """Return the error of one Problem, to be raised."""
    return InvalidError([Problem(code=code, message=message, file=file, hint=hint)])


def place(file: Path, folder: Path) -> str:
    """Return a file's path as messages show it: from the pipeline's folder where it is in it."""
    inside = file.is_relative_to(folder)
    return f"{folder.name}/{file.relative_to(folder)}" if inside else str(file)
