"""Whether a `.venv` is complete is read from it; what is missing is made with uv from the lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import debian, shell, tree
from atlas_toolchain.tree import Tree

from .conftest import Programs

LOCK = """\
Typed.Thing==1.0 \\
    --hash=sha256:aa
    # via x==9
uv==0.9.1 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via atlas-ml (pyproject.toml)
zope==2.0 \\
    --hash=sha256:dd
"""


@pytest.fixture
def clone(machine: Path) -> Tree:
    root = machine / "clone"
    root.mkdir()
    (root / "requirements.lock").write_text(LOCK)
    (root / "pyproject.toml").write_text("[project]\n")
    return Tree(root)


def fill(clone: Tree) -> None:
    """Make the clone's venv look as set-up leaves it."""
    site = clone.venv / "lib" / "python3.11" / "site-packages"
    for name in ("typed_thing-1.0", "uv-0.9.1", "zope-2.0", "mine-3.0"):
        (site / f"{name}.dist-info").mkdir(parents=True)
    project = site / "atlas_ml-0.1.0.dist-info"
    project.mkdir()
    (project / "direct_url.json").write_text(json.dumps({"url": clone.root.as_uri()}))
    clone.stamp.write_text(json.dumps({"digest": clone.digest()}))
    (clone.venv / "bin").mkdir()
    (clone.venv / "bin" / "pip").write_text(f"#!{clone.python}\n")
    (clone.venv / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")
    clone.python.symlink_to(Path(sys.executable).resolve())


def test_pins_are_read_with_their_names_in_one_spelling() -> None:
    assert tree.pins(LOCK) == {"typed-thing": "1.0", "uv": "0.9.1", "zope": "2.0"}


def test_a_filled_venv_is_complete(clone: Tree) -> None:
    assert not tree.complete(clone)
    fill(clone)
    assert tree.complete(clone)


def test_what_a_person_removed_is_missing(clone: Tree) -> None:
    fill(clone)
    (clone.site() / "zope-2.0.dist-info").rename(clone.site() / "zope-2.1.dist-info")
    assert tree.missing(clone) == ["zope"]
    assert not tree.complete(clone)


@pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_it_is_made_from_makes_it_incomplete(clone: Tree, file: str) -> None:
    fill(clone)
    with (clone.root / file).open("a") as stream:
        stream.write("# changed\n")
    assert not tree.complete(clone)


def test_a_stamp_alone_is_not_believed(clone: Tree) -> None:
    fill(clone)
    clone.python.unlink()
    assert not tree.works(clone)
    assert not tree.complete(clone)


def test_a_tree_that_was_moved_is_not_complete(clone: Tree) -> None:
    fill(clone)
    moved = clone.root.with_name("moved")
    os.rename(clone.root, moved)
    assert not tree.works(Tree(moved))


def test_a_project_installed_from_elsewhere_is_not_here(clone: Tree) -> None:
    fill(clone)
    url = clone.site() / "atlas_ml-0.1.0.dist-info" / "direct_url.json"
    url.write_text('{"url": "file:///elsewhere"}')
    assert not tree.complete(clone)


def test_what_is_missing_is_synced_compiled_and_stamped(
    clone: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(clone)
    clone.stamp.unlink()
    (clone.venv / "bin" / "uv").touch()
    ran: list[list[str]] = []
    inner = shell.run

    def run(command: list[Any], **options: Any) -> str:
        ran.append([str(part) for part in command])
        return inner(command, **options) if "-I" in command else ""

    monkeypatch.setattr(shell, "run", run)
    tree.make(clone, lambda _: None)
    uv = str(clone.venv / "bin" / "uv")
    assert [command[1:3] for command in ran if command[0] == uv] == [
        ["pip", "sync"], ["pip", "install"],
    ]  # fmt: skip
    assert all("--compile-bytecode" in command for command in ran if command[0] == uv)
    assert tree.complete(clone)


class Sync:
    """A uv that does something to the venv, then fails or is killed."""

    def __init__(self, clone: Tree, error: BaseException, touched: bool) -> None:
        self.clone, self.error, self.touched = clone, error, touched
        self.run = shell.run

    def __call__(self, command: list[Any], **options: Any) -> str:
        if "sync" not in command:
            return self.run(command, **options) if "-I" in command else ""
        if self.touched:
            next(
                self.clone.site().glob("zope*"), self.clone.site() / "typed_thing-1.0.dist-info"
            ).rmdir()
        raise self.error


@pytest.mark.parametrize(
    ("error", "touched", "again"),
    [
        (subprocess.CalledProcessError(1, ["uv"], "no network"), False, False),
        (subprocess.CalledProcessError(1, ["uv"], "disk full"), True, True),
        (KeyboardInterrupt(), False, True),
    ],
)
def test_a_venv_that_was_left_half_filled_is_made_again(
    clone: Tree, monkeypatch: pytest.MonkeyPatch, error: BaseException, touched: bool, again: bool
) -> None:
    fill(clone)
    clone.stamp.write_text('{"digest": "of an older lock"}')
    (clone.venv / "bin" / "uv").touch()
    monkeypatch.setattr(shell, "run", Sync(clone, error, touched))
    with pytest.raises(type(error)):
        tree.make(clone, lambda _: None)
    made: list[Tree] = []
    monkeypatch.setattr(tree, "create", made.append)
    with pytest.raises(type(error)):
        tree.make(clone, lambda _: None)
    assert made == ([clone] if again else [])


def test_uv_comes_from_the_lock_with_its_hashes(
    clone: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(clone)
    wanted: list[str] = []

    def run(command: list[Any], **_: Any) -> str:
        wanted.append(Path(command[-1]).read_text())
        raise subprocess.CalledProcessError(1, command, "no index")

    monkeypatch.setattr(shell, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        tree._uv(clone)
    assert wanted[0].splitlines()[0] == "uv==0.9.1 \\"
    assert wanted[0].count("--hash=") == 2
    assert "zope" not in wanted[0]


def test_a_python_without_ensurepip_names_debians_package(
    clone: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(debian, "prefix", lambda: None)
    with pytest.raises(OSError, match=r"apt-get install -y python3\.\d+-venv"):
        tree.create(clone)


def test_links_follow_the_engine(clone: Tree, program: Programs, machine: Path) -> None:
    fill(clone)
    old, new = (program("pulumi", "", machine / name) for name in ("old", "new"))
    for engine in (old, new, new):
        tree.link(clone, [engine])
        assert (clone.venv / "bin" / "pulumi").readlink() == engine
    assert sorted(path.name for path in (clone.venv / "bin").iterdir()) == [
        "pip", "pulumi", "python",
    ]  # fmt: skip
