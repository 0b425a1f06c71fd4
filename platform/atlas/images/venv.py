"""A virtual environment for an image, put together outside of it from a lock's wheels.

No code of the packages runs, and the image needs neither pip nor a network. All times are fixed,
so that equal locks give equal layers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import DeployError, UvError
from atlas.images.builders import TIME
from atlas.images.content import package_files, package_folder
from atlas.images.requirements import DISTRIBUTION, own_requirements
from atlas.images.uv import run_uv

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.images.lock import ImageLock
    from atlas.images.python import ImagePython

PREFIX = "/opt/atlas"
"""Where the virtual environment is in an image."""
CODE = f"{PREFIX}/code"
"""Where the pipeline's code is in an image."""


def site(python: ImagePython) -> str:
    """Return where packages are in an image."""
    return f"{PREFIX}/lib/python{python.minor}/site-packages"


def add_packages(root: Path, lock: ImageLock, python: ImagePython) -> None:
    """Put a virtual environment with a lock's packages below a folder that becomes ``/``.

    Raises:
        DeployError: I106, a package can't be installed for the image's Python; says uv's reason.
    """
    place = root / site(python).lstrip("/")
    place.mkdir(parents=True)
    _install(place, lock, python)
    scripts = root / PREFIX.lstrip("/") / "bin"
    scripts.mkdir()
    _move_scripts(place / "bin", scripts)
    (scripts / "python").symlink_to(python.executable)
    (scripts / "python3").symlink_to("python")
    _forget_origins(place)
    text = _SETTINGS.format(home=Path(python.executable).parent, version=python.version)
    (root / PREFIX.lstrip("/") / "pyvenv.cfg").write_text(text)


_SETTINGS = "home = {home}\ninclude-system-site-packages = true\nversion = {version}\n"


def _install(place: Path, lock: ImageLock, python: ImagePython) -> None:
    """Install a lock for another machine's Python, every file's hash checked."""
    with tempfile.TemporaryDirectory(prefix="atlas-install-") as folder:
        file = Path(folder) / "locked.txt"
        options = "\n".join(lock.requirements.options_from(lock.file.parent))
        file.write_text(f"{options}\n{lock.text}", "utf-8")
        arguments = (
            "--require-hashes", "--no-deps", "--link-mode=copy", "--no-compile-bytecode", "--quiet",
            f"--python={sys.executable}", f"--python-version={python.minor}",
            f"--python-platform={python.platform}", f"--target={place}", f"--requirement={file}",
        )  # fmt: skip
        try:
            run_uv("pip", "install", *arguments)
        except UvError as error:
            what = f"{lock.file.name}: can't be installed for Python {python.minor}"
            raise DeployError(f"{what}, {python.platform}:\n  {error}", code="I106") from None


_ORIGINS = ("uv_cache.json", "direct_url.json")
"""What uv notes of a wheel that lies in a folder: where that is, and when it was written."""


def _forget_origins(place: Path) -> None:
    """Remove what tells where packages came from: it differs between checkouts, they don't."""
    (place / ".lock").unlink(missing_ok=True)
    for file in [file for name in _ORIGINS for file in place.glob(f"*.dist-info/{name}")]:
        file.unlink()
        record = file.with_name("RECORD")
        lines = record.read_text("utf-8").splitlines(keepends=True)
        own = f"{file.parent.name}/{file.name},"
        record.write_text("".join(line for line in lines if not line.startswith(own)), "utf-8")


def _move_scripts(source: Path, target: Path) -> None:
    """Move the packages' programs, so that they start the image's Python."""
    if not source.is_dir():
        return
    for file in source.iterdir():
        content = file.read_bytes()
        content = re.sub(rb"\A#!.*python[\d.]*\b", f"#!{PREFIX}/bin/python".encode(), content)
        (target / file.name).write_bytes(content)
        (target / file.name).chmod(0o755)
    shutil.rmtree(source)


def add_atlas(root: Path, python: ImagePython) -> None:
    """Put Atlas itself, as an installed distribution, below a folder that becomes ``/``."""
    place = root / site(python).lstrip("/")
    source = package_folder()
    for file in package_files():
        _copy(file, place / "atlas" / file.relative_to(source))
    number = version(DISTRIBUTION)
    info = place / f"{DISTRIBUTION.replace('-', '_')}-{number}.dist-info"
    info.mkdir()
    needed = "".join(f"Requires-Dist: {line}\n" for line in own_requirements())
    head = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {number}\n"
    (info / "METADATA").write_text(f"{head}{needed}", "utf-8")
    (info / "INSTALLER").write_text("atlas\n")


def add_code(root: Path, folder: Path, files: list[Path]) -> None:
    """Put a pipeline's code below a folder that becomes ``/``."""
    place = root / CODE.lstrip("/")
    place.mkdir(parents=True)
    for file in files:
        _copy(file, place / file.relative_to(folder))


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)


_TESTS = r"/tests/"
"""What is never imported by a step: packages' own tests, a third of their modules."""


def compile_modules(root: Path, python: ImagePython, say: Callable[[str], None]) -> None:
    """Compile all modules below a folder, if this machine has a Python like the image's.

    The compiled files name no path of this machine, and hold for as long as the image does: their
    sources aren't looked at again.
    """
    program = _python_like(python)
    if program is None:
        say(f"no Python {python.minor} on this machine: the image's modules aren't compiled")
        return
    command = (
        program, "-I", "-m", "compileall", "-q", "-x", _TESTS, "-p", "/",
        "--invalidation-mode", "unchecked-hash", *sorted(os.listdir(root)),
    )  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = [str(part) for part in command]
    # A package may carry files that aren't Python of this version: they stay as they are.
    subprocess.run(done, env=environment, cwd=root, capture_output=True, check=False)  # noqa: S603


def _python_like(python: ImagePython) -> str | None:
    """Return a Python of this machine that compiles as the image's does."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return sys.executable if own == python.minor else shutil.which(f"python{python.minor}")


def settle(root: Path) -> None:
    """Give every file below a folder the same time, and rights that let anybody read it."""
    for top, folders, names in os.walk(root, topdown=False):
        for name in (*names, *folders):
            path = os.path.join(top, name)
            if not os.path.islink(path):
                runs = os.path.isdir(path) or os.stat(path).st_mode & 0o100
                os.chmod(path, 0o755 if runs else 0o644)
            os.utime(path, (TIME, TIME), follow_symlinks=False)
    os.utime(root, (TIME, TIME))
