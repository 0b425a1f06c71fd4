"""The tree's own `.venv`: made, filled from the lock, checked against it.

Whether it is complete is read from the venv itself (the distributions that are there, the place of
the project), not believed from a stamp; the stamp only says which lock it was filled from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, catalog, debian, shell
from atlas_toolchain.version import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Our own code, compiled by set-up whatever PYTHONDONTWRITEBYTECODE says.
SOURCES = ("platform", "atlas_cli", "infra")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tree:
    """A clone of Atlas.

    Attributes:
        root: its folder.
    """

    root: Path

    @property
    def venv(self) -> Path:
        """The folder of its virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The virtual environment's Python."""
        return self.venv / "bin" / "python"

    @property
    def lock(self) -> Path:
        """The lock of its dependencies."""
        return self.root / "requirements.lock"

    @property
    def stamp(self) -> Path:
        """The file that says what the virtual environment was filled from."""
        return self.venv / ".atlas-setup.json"

    def digest(self) -> str:
        """Return the digest of all that the virtual environment depends on."""
        parts = (self.lock.read_bytes(), (self.root / "pyproject.toml").read_bytes())
        return hashlib.sha256(b"\0".join((*parts, str(self.root).encode()))).hexdigest()

    def site(self) -> Path:
        """Return the folder of the installed distributions; one that isn't there when none is."""
        return next(self.venv.glob("lib/python3.*/site-packages"), self.venv / "lib")


def pins(lock: str) -> dict[str, str]:
    """Return the version of each distribution that a lock names."""
    return {normal(name): version for name, version in _PIN.findall(lock)}


def normal(name: str) -> str:
    """Return a distribution's name in the one spelling that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(site: Path) -> dict[str, str]:
    """Return the version of each distribution in a folder, from the names of its entries."""
    names = (entry.name for entry in site.glob("*.dist-info"))
    pairs = (name.removesuffix(".dist-info").rpartition("-") for name in names)
    return {normal(name): version for name, _, version in pairs}


def missing(tree: Tree) -> list[str]:
    """Return the distributions of the lock that aren't installed in the lock's version."""
    have = installed(tree.site())
    pinned = pins(tree.lock.read_text(encoding="utf-8"))
    return [name for name, version in pinned.items() if have.get(name) != version]


def complete(tree: Tree) -> bool:
    """Tell whether the virtual environment is real, and filled from this lock and project."""
    stamp = cache.read_json(tree.stamp)
    return (
        stamp.get("digest") == tree.digest()
        and works(tree)
        and not missing(tree)
        and _is_project_here(tree)
    )


def works(tree: Tree) -> bool:
    """Tell whether the virtual environment's Python runs, is of a version that will do, and ours.

    A tree that was moved or copied has programs that start the old place's Python.
    """
    code = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.prefix)"
    try:
        version, _, prefix = shell.run([tree.python, "-I", "-c", code]).strip().partition(" ")
        text = (tree.venv / "bin" / "pip").read_text(encoding="utf-8", errors="replace")
    except shell.REFUSALS:
        return False
    ours = Path(prefix).resolve() == tree.venv.resolve() and str(tree.venv) in text
    return ours and satisfies(version, catalog.PYTHON)


def _is_project_here(tree: Tree) -> bool:
    """Tell whether the project is installed from this folder."""
    files = tree.site().glob("atlas_ml-*.dist-info/direct_url.json")
    urls = (cache.read_json(file).get("url") for file in files)
    return any(url == tree.root.as_uri() for url in urls)


def make(tree: Tree, say: Callable[[str], None]) -> None:
    """Make what is missing of the virtual environment.

    Raises:
        OSError: the disk is full, or may not be written.
        subprocess.SubprocessError: Python, pip or uv failed.
    """
    if complete(tree):
        return
    if cache.read_json(tree.stamp).get("unfinished") or not works(tree):
        say(f"making {tree.venv} with Python {'.'.join(map(str, sys.version_info[:3]))}")
        create(tree)
    uv = _uv(tree)
    say(f"installing {len(pins(tree.lock.read_text()))} locked packages")
    with _stamped(tree):
        quietly = ("-q", "--compile-bytecode", "--python", str(tree.python))
        shell.run([uv, "pip", "sync", *quietly, tree.lock])
        alone = ("--no-deps", "--no-build-isolation", "-e", str(tree.root))
        shell.run([uv, "pip", "install", *quietly, *alone])


@contextlib.contextmanager
def _stamped(tree: Tree) -> Iterator[None]:
    """Stamp the virtual environment as unfinished, until it has been filled.

    A package that was being installed when the power went looks installed to uv: so an environment
    that was left unfinished is made again. One that wasn't touched (no network) is as before.
    """
    stamp, have = cache.read_json(tree.stamp), installed(tree.site())
    cache.write_json(tree.stamp, {"unfinished": True})
    try:
        yield
    except shell.REFUSALS:
        if installed(tree.site()) == have:
            cache.write_json(tree.stamp, stamp)
        raise
    cache.write_json(tree.stamp, {"digest": tree.digest()})


def create(tree: Tree) -> None:
    """Make an empty virtual environment with pip; Debian's Python needs a package for that."""
    try:
        import ensurepip  # noqa: F401  # what Debian leaves out
    except ImportError:
        package = f"python3.{sys.version_info[1]}-venv"
        if debian.prefix() is None:
            raise OSError(
                f"this Python has no ensurepip; to get it: sudo apt-get install -y {package}"
            ) from None
        debian.install_package(package)
    shell.run([sys.executable, "-m", "venv", "--clear", tree.venv])


def _uv(tree: Tree) -> Path:
    """Return the virtual environment's uv, installed from the lock, hashes checked."""
    uv = tree.venv / "bin" / "uv"
    lock = tree.lock.read_text(encoding="utf-8")
    pinned = re.search(r"^uv==(?:.*\\\n)*.*", lock, re.MULTILINE)
    if pinned is None:
        raise OSError(f"{tree.lock}: no entry for uv, expected one; to mend it: make lock")
    if installed(tree.site()).get("uv") != pins(lock)["uv"] or not uv.exists():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(pinned[0])
            file.flush()
            alone = ("install", "-q", "--require-hashes", "-r", file.name)
            shell.run([tree.python, "-m", "pip", *alone])
    return uv


def compile_sources(tree: Tree) -> None:
    """Compile our own code's bytecode, as uv did that of the packages."""
    folders = [tree.root / name for name in SOURCES]
    shell.run([tree.python, "-m", "compileall", "-q", *folders])


def link(tree: Tree, programs: list[Path]) -> None:
    """Put programs into the virtual environment's `bin`, so that `activate` finds them."""
    for program in programs:
        place = tree.venv / "bin" / program.name
        if place.is_symlink() and Path(os.readlink(place)) == program:
            continue
        new = place.with_name(f".{program.name}.{os.getpid()}")
        new.symlink_to(program)
        os.replace(new, place)
