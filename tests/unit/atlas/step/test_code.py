"""Users' code: every folder has its own modules, and none of them leaks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.step import code

STEPS = """
import helpers
from helpers import name
from package.inner import deep
import package.inner as inner
from . import helpers as relative

class Step:
    def late(self):
        import lazy
        return lazy.value
    who = name
    all = (helpers.name, deep, inner.deep, relative.name)
"""


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    before = os.environ.get(code.FOLDERS)
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "package").mkdir(parents=True)
        (folder / "steps.py").write_text(STEPS)
        (folder / "helpers.py").write_text(f"name = {name!r}\n")
        (folder / "lazy.py").write_text(f"value = 'late ' + {name!r}\n")
        (folder / "package" / "__init__.py").write_text("")
        (folder / "package" / "inner.py").write_text(
            f"from helpers import name\ndeep = 'deep ' + {name!r}\n"
        )
        code.mount(name, folder)
    yield tmp_path
    for name in ("one", "two"):
        code.unmount(name)
    os.environ.pop(code.FOLDERS, None)
    if before is not None:
        os.environ[code.FOLDERS] = before


@pytest.mark.parametrize("name", ["one", "two"])
def test_each_folder_sees_its_own_modules(folders, name):
    cls = code.load_class(name, "steps:Step")
    assert cls.who == name
    assert cls.all == (name, f"deep {name}", f"deep {name}", name)
    assert cls().late() == f"late {name}"
    assert cls.__module__ == f"atlas.step.code.{name}.steps"


def test_nothing_leaks(folders):
    code.load_class("one", "steps:Step")
    assert not {"helpers", "steps", "lazy", "package"} & set(sys.modules)
    with pytest.raises(ImportError):
        __import__("helpers")


def test_another_folder_of_the_same_name_takes_its_place(folders, tmp_path):
    first = code.load_class("one", "steps:Step")
    code.mount("one", tmp_path / "two")
    assert code.load_class("one", "steps:Step").who == "two"
    assert first.who == "one"


def test_a_module_of_the_folder_hides_an_installed_one(folders, tmp_path):
    (tmp_path / "one" / "colorsys.py").write_text("mine = True\n")
    (tmp_path / "one" / "more.py").write_text(
        "import colorsys\nclass Step: own = hasattr(colorsys, 'mine')\n"
    )
    code.unmount("one")
    code.mount("one", tmp_path / "one")
    assert code.load_class("one", "more:Step").own
    import colorsys

    assert not hasattr(colorsys, "mine")


def test_modules_that_aren_t_there(folders):
    with pytest.raises(ImportError, match="neither in the pipeline's folder nor allowed"):
        code.load_class("one", "nothing:Step")
    with pytest.raises(AttributeError):
        code.load_class("one", "steps:Nothing")
    with pytest.raises(AttributeError, match="is no class"):
        code.load_class("one", "helpers:name")


CHILD = """
import pickle, sys
step = pickle.loads(bytes.fromhex(sys.argv[1]))
print(step.who, type(step).__module__)
"""


def test_processes_that_a_step_starts_find_the_code(folders):
    import pickle

    content = pickle.dumps(code.load_class("one", "steps:Step")())
    child = subprocess.run(
        [sys.executable, "-c", CHILD, content.hex()], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == ["one", "atlas.step.code.one.steps"]


def test_a_process_that_mounts_one_pipeline_still_finds_the_others(folders):
    code.announce({"one": folders / "one", "two": folders / "two"})
    source = (
        "import sys; from pathlib import Path; from atlas.step import code\n"
        "code.mount('one', Path(sys.argv[1]))\n"
        "from atlas.step.code.two.steps import Step\n"
        "print(Step.who)\n"
    )
    command = [sys.executable, "-c", source, str(folders / "one")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "two\n"
