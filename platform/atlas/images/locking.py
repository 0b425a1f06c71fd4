"""Making locks: requirements in, every distribution with its version and hashes out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import UvError
from atlas.images.base import LOWEST
from atlas.images.lock import CORE, MONITOR, ImageLock, stamp
from atlas.images.problems import invalid, place
from atlas.images.requirements import read_requirements
from atlas.images.uv import run_uv

if TYPE_CHECKING:
    from collections.abc import Sequence


def make_lock(lock: ImageLock, *, upgrade: bool = False) -> ImageLock:
    """Resolve an image's requirements and write the lock; what an old lock pins stays if it can.

    Args:
        lock: the lock, stale or not there.
        upgrade: whether to take the newest versions instead.

    Returns:
        The fresh lock.

    Raises:
        InvalidError: the requirements can't be resolved; it has the resolver's reason.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-lock-") as folder:
        text = _resolved(lock, Path(folder), upgrade=upgrade)
    written = f"{stamp(lock.requirements, lock.python)}# Made by `atlas build`; commit it.\n{text}"
    new = lock.file.with_name(f".{lock.file.name}.{os.getpid()}")
    new.write_text(written, "utf-8")
    new.replace(lock.file)
    return ImageLock(lock.file, lock.requirements, lock.python, written, fresh=True)


def _resolved(lock: ImageLock, folder: Path, *, upgrade: bool) -> str:
    """Return what uv pins; it is the same on every kind of machine."""
    desired, bounds, out = (folder / name for name in ("desired.in", "bounds.in", "locked.txt"))
    asked = (*lock.requirements.options_from(lock.file.parent), *lock.requirements.lines)
    desired.write_text("\n".join(asked) + "\n", "utf-8")
    bounds.write_text("\n".join(lock.requirements.constraints) + "\n", "utf-8")
    if lock.text and not upgrade:
        out.write_text(lock.text, "utf-8")
    options = (
        "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
        "--no-header", "--no-annotate", "--quiet", "--python-version", lock.python,
    )  # fmt: skip
    files = ("--constraint", bounds, "--output-file", out, desired)
    try:
        run_uv("pip", "compile", *options, *files, folder=lock.file.parent)
    except UvError as error:
        shown = place(lock.file.with_suffix(".txt"), lock.file.parent)
        message = f"the requirements can't be resolved:\n  {error}"
        raise invalid("I105", message, file=shown) from None
    return out.read_text("utf-8")


def relock_core(arguments: Sequence[str] = ()) -> None:
    """Write the locks of what Atlas itself and its monitors need again; part of `make lock`."""
    own = {CORE: (CORE.parent, ""), MONITOR / "requirements.lock": (MONITOR, "requirements.txt")}
    for file, (folder, name) in own.items():
        requirements = read_requirements(folder, name)
        text = file.read_text("utf-8") if file.is_file() else ""
        make_lock(ImageLock(file, requirements, LOWEST, text), upgrade="--upgrade" in arguments)
