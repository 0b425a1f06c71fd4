"""The engine that deployments use is the one that set-up finds and gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlas_deploy.stacks import engine
from atlas_toolchain import catalog
from atlas_toolchain import engine as toolchain


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes an engine of a version: on PATH, or in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def make(version: str, *, cached: bool = False) -> Path:
        path = engine.cached() if cached else tmp_path / "bin" / "pulumi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o755)
        return path

    return make


def both() -> tuple[Path | None, Path | None]:
    ours, theirs = engine.find(), toolchain.find()
    return ours and ours.path, theirs and theirs.path


def test_the_engine_must_fit_the_installed_sdk_which_is_what_set_up_pins():
    assert engine.needed() == catalog.ENGINE


def test_an_engine_on_path_comes_first(place):
    path = place(f"v{catalog.PULUMI}")
    place(f"v{catalog.PULUMI}", cached=True)
    assert both() == (path, path)


@pytest.mark.parametrize("version", ["v3.249.9", "v4.0.0", "no version"])
def test_one_of_another_version_is_passed_over(place, version):
    place(version)
    assert both() == (None, None)
    path = place(f"v{catalog.PULUMI}", cached=True)
    assert both() == (path, path)


def test_one_that_cannot_be_run_is_passed_over(place):
    path = place("v3.250.0")
    path.write_text("#!/bin/sh\nexit 3\n")
    assert both() == (None, None)
    path.write_bytes(os.urandom(64))
    assert both() == (None, None)


def test_one_that_set_up_has_put_there_is_not_asked_again(place, tmp_path):
    path = place("v3.249.9", cached=True)
    (tmp_path / "bin").mkdir()
    linked = tmp_path / "bin" / "pulumi"
    linked.symlink_to(path)
    assert engine.find() == engine.Engine(linked, catalog.PULUMI)
