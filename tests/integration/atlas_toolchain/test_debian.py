from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import catalog, debian, shell

from .conftest import Programs

PROMETHEUS = next(entry for entry in catalog.PROGRAMS if entry.name == "prometheus")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, program: Programs) -> list[str]:
    """The commands that would have run, on a Debian, as root."""
    commands: list[str] = []

    def run(command: list[Any], **_: Any) -> str:
        commands.append(" ".join(map(str, command)))
        return "Package: known" if "unknown" not in command else ""

    program("apt-get", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shell, "run", run)
    return commands


def test_what_gets_a_program_is_one_command(
    program: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert debian.command(PROMETHEUS) == "put prometheus on PATH (https://prometheus.io/download)"
    program("apt-get", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert debian.command(PROMETHEUS) == "sudo apt-get install -y prometheus"


def test_apt_is_used_only_with_the_rights_for_it(
    program: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert debian.prefix() is None
    program("apt-get", "")
    program("sudo", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    debian.prefix.cache_clear()
    assert debian.prefix() is None
    program("sudo", "")
    debian.prefix.cache_clear()
    assert debian.prefix() == ("sudo", "-n")


def test_packages_are_installed_without_a_question_or_a_start(ran: list[str]) -> None:
    debian.install([PROMETHEUS])
    install = ran[-1]
    assert install.startswith("env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get")
    assert install.endswith("install -y --no-install-recommends prometheus")


def test_packages_that_this_debian_lacks_are_left_out(ran: list[str]) -> None:
    unknown = catalog.ToolchainProgram("x", "", "", debian="unknown")
    debian.install([unknown])
    assert not [command for command in ran if " install " in command]


def test_systemd_starts_nothing_now_or_at_boot(
    ran: list[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "_SYSTEMD", machine)
    seen = iter([False, False, True, True])
    monkeypatch.setattr(debian, "_has", lambda _: next(seen))
    debian.install([PROMETHEUS])
    first, second = PROMETHEUS.units
    assert [command for command in ran if "systemctl" in command or " install " in command] == [
        f"systemctl mask --runtime {first} {second}",
        next(command for command in ran if " install " in command),
        f"systemctl unmask --runtime {first} {second}",
        f"systemctl disable {first}",
        f"systemctl disable {second}",
    ]


def test_a_unit_that_was_there_before_is_left_alone(
    ran: list[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "_SYSTEMD", machine)
    monkeypatch.setattr(debian, "_has", lambda _: True)
    debian.install([PROMETHEUS])
    assert not [command for command in ran if "systemctl" in command]


def test_a_failed_install_takes_the_mask_away(
    ran: list[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "_SYSTEMD", machine)
    monkeypatch.setattr(debian, "_has", lambda _: False)
    inner = shell.run

    def failing(command: list[Any], **options: Any) -> str:
        if "install" in command:
            raise subprocess.CalledProcessError(100, command, "E: broken")
        return inner(command, **options)

    monkeypatch.setattr(shell, "run", failing)
    with pytest.raises(subprocess.CalledProcessError):
        debian.install([PROMETHEUS])
    assert ran[-1].startswith("systemctl unmask --runtime")
