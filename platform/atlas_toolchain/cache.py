"""The cache outside the tree: what was built or downloaded, and what was refused lately."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_toolchain import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds for which a refusal is remembered, so that a missing tool doesn't slow every `make test`.
MEMORY = 24 * 3600


def root() -> Path:
    """Return the cache's folder: ``$XDG_CACHE_HOME/atlas``, by default ``~/.cache/atlas``."""
    home = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    return base / "atlas"


def engine_folder() -> Path:
    """Return the folder of the cached engine and language host of the pinned version."""
    return root() / f"pulumi-{catalog.PULUMI}" / "bin"


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a folder for this process alone, made where it is missing.

    Args:
        path: the folder.
        waiting: is called when another process holds it, before waiting for that.
    """
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a temporary folder on the cache's own disk, and remove those that a crash left.

    Whoever asks holds the cache, so other processes' are left over; this one may have several.
    """
    own = f".new-{os.getpid()}-"
    for left in root().glob(".new-*"):
        if not left.name.startswith(own):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root(), prefix=own) as folder:
        yield Path(folder)


def place(files: list[Path], folder: Path) -> None:
    """Move whole files into a folder, each at once, in this order."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.chmod(0o755)
        os.replace(file, folder / file.name)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; an empty one when there is no such file, or it is broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write an object to a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(new, path)


def refusals() -> dict[str, str]:
    """Return what couldn't be got lately, and why."""
    oldest = time.time() - MEMORY
    kept = read_json(root() / "refused.json")
    return {tool: entry["why"] for tool, entry in kept.items() if entry["at"] > oldest}


def remember(tool: str, why: str) -> None:
    """Keep in mind that a tool couldn't be got; with an empty reason, that it could."""
    path = root() / "refused.json"
    kept = read_json(path)
    if why:
        kept[tool] = {"why": why, "at": time.time()}
    elif kept.pop(tool, None) is None:
        return
    write_json(path, kept)
