"""Set-up as a whole: what it needs, what it prints, what it exits with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import debian, engine, setup, shell, tools, tree

from .conftest import Programs

ROOT = Path(__file__).parents[3]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    """A set-up in which nothing is made, but everything is asked for."""
    monkeypatch.chdir(machine)
    monkeypatch.setattr(tree, "make", lambda *_: None)
    monkeypatch.setattr(tree, "compile_sources", lambda *_: None)
    monkeypatch.setattr(tree, "link", lambda *_: None)


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'platform')!r})\n"
        "import atlas_toolchain.setup\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    out = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(out.stdout.split()) == {"atlas_toolchain", "__main__"}


@pytest.mark.usefixtures("quiet")
def test_what_cannot_be_got_is_named_once_and_is_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert setup.main([]) == 0
    first = capsys.readouterr()
    assert "pulumi engine: download: " in first.out
    assert "; build: no go on PATH; to get it: " in first.out
    assert setup.main([]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("quiet")
def test_full_tries_again_and_prints_the_table(
    capsys: pytest.CaptureFixture[str], official: Any
) -> None:
    setup.main([])
    official({"pulumi": b"#!/bin/sh\necho v3.250.0\n", "pulumi-language-python": b"",
              "pulumi-language-python-exec": b""})  # fmt: skip
    capsys.readouterr()
    assert setup.main(["--full"]) == 0
    shown = capsys.readouterr().out
    assert "what works without it" in shown
    assert "(official download)" in shown
    assert setup.main([]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("quiet")
def test_a_venv_that_cannot_be_made_is_a_failure_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise subprocess.CalledProcessError(2, ["uv", "pip", "sync"], "No space left on device")

    monkeypatch.setattr(tree, "make", full)
    assert setup.main([]) == 1
    assert "failed: uv pip sync: the disk is full; mend this, then" in capsys.readouterr().err


@pytest.mark.usefixtures("quiet")
def test_an_interrupt_says_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tree, "compile_sources", interrupt)
    assert setup.main([]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_debian_packages_that_fail_are_named_with_the_reason(
    program: Programs, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def apt(*arguments: str) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get", *arguments], "E: Could not resolve x")

    program("apt-get", "exit 1")
    monkeypatch.setattr(debian, "_apt", apt)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(engine, "get", lambda _: {})
    tried = tools.obtain(said.append, again=False)
    assert "no network" in tried["prometheus"]
    assert tools.obtain(said.append, again=False) == {}


def test_a_program_that_another_way_put_there_is_not_installed_again(
    program: Programs, said: list[str]
) -> None:
    program("apt-get", "exit 1")
    for name in ("prometheus", "pushgateway", "alertmanager", "registry"):
        program(name, "echo version 99.0")
    program("dot", "echo 'graphviz version 2.43' >&2")
    program("git", "echo git version 2.40.1")
    for name in ("skopeo", "debootstrap"):
        program(name, "echo 1.0")
    program("docker", "echo 28.2.2")
    assert tools._packages(said.append, set()) == {}, "podman is for where docker isn't"
    assert said == []


def test_podman_is_installed_where_there_is_no_docker_engine(
    program: Programs, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    asked: list[str] = []
    program("apt-get", "exit 1")
    program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    monkeypatch.setattr(debian, "prefix", tuple)
    monkeypatch.setattr(debian, "install", lambda wanted: asked.extend(p.name for p in wanted))
    tools._packages(said.append, set())
    assert {"podman", "runc", "buildah", "debootstrap", "skopeo"} <= set(asked)


@pytest.mark.parametrize(
    "target", ["setup", "demo", "unit", "test", "test-long", "coverage", "lint", "bench", "lock"]
)
def test_every_make_target_sets_up_first(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    out = shell.run(["make", "-n", target], folder=ROOT)
    assert "platform/atlas_toolchain" in out.partition(".venv/bin")[0]
    assert ("--full" in out) is (target == "setup")


def test_ci_runs_exactly_make_lint_and_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().strip().splitlines()[-2:] == ["make lint", "exec make test"]


@pytest.mark.long
def test_a_fresh_clone_sets_itself_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_path: str
) -> None:
    monkeypatch.setenv("PATH", real_path)
    monkeypatch.delenv("XDG_CACHE_HOME")
    clone = tmp_path / "clone"
    shell.run(["git", "clone", "-q", ROOT, clone])
    shown = shell.run(["make", "setup"], folder=clone)
    assert "what works without it" in shown
    assert shell.run([clone / ".venv" / "bin" / "atlas", "--version"]).startswith("atlas ")
    compiled = clone / ".venv" / "lib"
    assert len(list(compiled.rglob("*.pyc"))) > 10_000
    assert shell.run(["make", "lock"], folder=clone) == ""
    assert shell.run(["git", "status", "--short"], folder=clone) == ""
