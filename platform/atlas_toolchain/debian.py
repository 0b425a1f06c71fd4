"""Debian's packages: installed where apt and the rights for it are there, never started."""

from __future__ import annotations

import contextlib
import os
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas_toolchain.catalog import ToolchainProgram

_SYSTEMD = Path("/run/systemd/system")
_WAIT = "DPkg::Lock::Timeout=120"
#: `runlevel` believes this variable, so that no init script starts; systemd is kept off by a mask.
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}


def command(program: ToolchainProgram) -> str:
    """Return the one command, or the place, that gets a program on this machine."""
    if program.debian and shutil.which("apt-get"):
        sudo = "" if os.geteuid() == 0 else "sudo "
        return f"{sudo}apt-get install -y {program.debian}"
    return f"put {' or '.join(program.names or (program.name,))} on PATH ({program.home})"


@cache
def prefix() -> tuple[str, ...] | None:
    """Return what goes before a command to run it as root without a question; None if nothing."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ()
    try:
        shell.run(["sudo", "-n", "true"], timeout=10)
    except shell.REFUSALS:
        return None
    return ("sudo", "-n")


def install(programs: Sequence[ToolchainProgram]) -> None:
    """Install the packages of these programs, as far as this Debian has them.

    Raises:
        OSError: apt couldn't be started.
        subprocess.SubprocessError: apt failed.
    """
    _apt("update")
    units = [unit for program in programs for unit in program.units if not _has(unit)]
    packages = [program.debian for program in programs if _available(program.debian)]
    if packages:
        with _not_started(units):
            _apt("install", "-y", "--no-install-recommends", *packages)


def install_package(name: str) -> None:
    """Install one package that starts nothing."""
    _apt("update")
    _apt("install", "-y", "--no-install-recommends", name)


def _apt(*arguments: str) -> None:
    """Run apt-get as root, without a question."""
    variables = [f"{key}={value}" for key, value in _QUIET.items()]
    before = [*(prefix() or ()), "env", *variables, "apt-get", "-q", "-o", _WAIT]
    shell.run([*before, *arguments], timeout=900)


def _available(package: str) -> bool:
    """Tell whether apt knows a package."""
    try:
        return bool(shell.run(["apt-cache", "show", "--no-all-versions", package], timeout=60))
    except shell.REFUSALS:
        return False


def _has(unit: str) -> bool:
    """Tell whether the machine had a unit before us: then it is its owner's to run or not."""
    folders = ("/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system")
    return any((Path(folder) / unit).exists() for folder in folders)


@contextlib.contextmanager
def _not_started(units: Sequence[str]) -> Iterator[None]:
    """Keep systemd from starting what is installed meanwhile, now and at the next boot."""
    if not units or not _SYSTEMD.is_dir():
        yield
        return
    _systemctl("mask", "--runtime", *units)
    try:
        yield
    finally:
        _systemctl("unmask", "--runtime", *units)
        for unit in filter(_has, units):
            _systemctl("disable", unit)


def _systemctl(*arguments: str) -> None:
    """Run systemctl as root; a refusal of it stops nothing."""
    with contextlib.suppress(*shell.REFUSALS):
        shell.run([*(prefix() or ()), "systemctl", *arguments], timeout=60)
