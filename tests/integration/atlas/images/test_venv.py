"""Virtual environments for images: put together outside of them, always the same."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys

import pytest

from atlas.errors import DeployError
from atlas.images.builders import TIME
from atlas.images.lock import lock_for
from atlas.images.locking import make_lock
from atlas.images.python import ImagePython
from atlas.images.venv import (
    PREFIX,
    add_atlas,
    add_code,
    add_packages,
    compile_modules,
    settle,
    site,
)
from atlas.plan import code_files
from atlas.recipe import Image
from tests.images import make_wheel, times

HERE = ".".join(map(str, sys.version_info[:3]))
PYTHON = ImagePython(HERE, "/usr/bin/python3", "x86_64", ("glibc", "2.36"))


def lock_of(project):
    return make_lock(lock_for(Image(requirements="requirements.txt"), project.root / "words"))


def put_together(folder, project, lock):
    folder.mkdir()
    add_packages(folder, lock, PYTHON)
    add_atlas(folder, PYTHON)
    add_code(folder, project.root / "words", code_files(project.root / "words"))
    compile_modules(folder, PYTHON, pytest.fail)
    settle(folder)
    return folder


def fingerprint(folder):
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = b"" if path.is_dir() or path.is_symlink() else path.read_bytes()
        facts = (path.relative_to(folder), stat.filemode(status.st_mode), status.st_mtime)
        whole.update(repr(facts).encode() + content)
    return whole.hexdigest()


@pytest.mark.usefixtures("no_own")
def test_equal_locks_and_code_make_equal_bytes(pipeline, tmp_path):
    lock = lock_of(pipeline)
    first = put_together(tmp_path / "one", pipeline, lock)
    # Another checkout wrote its wheels at another time.
    (wheel,) = (pipeline.root / "words" / "wheels").iterdir()
    os.utime(wheel, (1e9, 1e9))
    second = put_together(tmp_path / "two-of-another-length", pipeline, lock)
    assert fingerprint(first) == fingerprint(second)
    assert times(first) == {TIME}


@pytest.mark.usefixtures("no_own")
def test_what_is_in_it(pipeline, tmp_path):
    root = put_together(tmp_path / "root", pipeline, lock_of(pipeline))
    place = root / site(PYTHON).lstrip("/")
    bin_ = root / PREFIX.lstrip("/") / "bin"
    assert os.readlink(bin_ / "python") == "/usr/bin/python3"
    assert (bin_ / "hello").read_text().startswith(f"#!{PREFIX}/bin/python")
    assert not (place / "bin").exists()
    (info,) = place.glob("hello-*.dist-info")
    listed = {line.partition(",")[0] for line in (info / "RECORD").read_text().splitlines()}
    assert {f"{info.name}/{path.name}" for path in info.iterdir()} <= listed
    assert not any("cache" in name or "direct_url" in name for name in listed)
    assert (place / "atlas" / "step" / "__main__.py").is_file()
    assert not (place / "atlas_cli").exists()
    assert (root / "opt/atlas/code/steps.py").is_file()
    assert not list((root / "opt/atlas/code").rglob("config.json"))
    tag = sys.implementation.cache_tag
    compiled = place / "hello" / "__pycache__" / f"__init__.{tag}.pyc"
    assert str(tmp_path).encode() not in compiled.read_bytes()
    assert not (place / "hello" / "tests" / "__pycache__").exists(), "tests aren't compiled"
    modes = {
        stat.S_IMODE(path.lstat().st_mode) for path in root.rglob("*") if not path.is_symlink()
    }
    assert modes == {0o755, 0o644}


@pytest.mark.usefixtures("no_own")
def test_it_is_an_environment_that_runs(pipeline, tmp_path):
    """With this machine's Python in the image's place."""
    python = ImagePython(HERE, sys.executable, "x86_64", ("glibc", "2.36"))
    add_packages(tmp_path / "root", lock_of(pipeline), python)
    code = "import hello, sys; print(hello.VERSION, sys.prefix)"
    program = tmp_path / f"root{PREFIX}/bin/python"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.0", str(tmp_path / f"root{PREFIX}")]


@pytest.mark.usefixtures("no_own")
def test_a_changed_file_does_not_pass_for_the_locked_one(pipeline, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_NO_CACHE", "1")
    lock = lock_of(pipeline)
    make_wheel(pipeline.root / "words/wheels", "hello", "1.0", requires="something-else")
    with pytest.raises(DeployError, match=r"I106.*(?s:.*)[Hh]ash"):
        add_packages(tmp_path / "root", lock, PYTHON)


def test_a_python_that_is_not_here_leaves_modules_as_they_are(tmp_path):
    (tmp_path / "x.py").write_text("X = 1\n")
    said = []
    compile_modules(tmp_path, ImagePython("3.99.0", "/usr/bin/python3", "x86_64"), said.append)
    assert "no Python 3.99" in said[0]
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("libc", "expected"),
    [
        (("glibc", "2.36"), "x86_64-manylinux_2_36"),
        (("glibc", "2.30"), "x86_64-manylinux_2_28"),
        (("glibc", "2.99"), "x86_64-manylinux_2_40"),
        (("", ""), "x86_64-unknown-linux-musl"),
    ],
)
def test_the_wheels_that_an_image_takes(libc, expected):
    assert ImagePython("3.11.2", "/usr/bin/python3", "x86_64", libc).platform == expected
