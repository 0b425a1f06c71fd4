"""Users' code: every folder has its own modules, and none of them leaks."""

from __future__ import annotations

import os
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

OWN = {"helpers", "steps", "lazy", "package"}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = os.environ.get(code.FOLDERS)
    for name in OWN:  # whoever ran before in this process
        monkeypatch.delitem(sys.modules, name, raising=False)
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
    assert not OWN & set(sys.modules)
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
    with pytest.raises(AttributeError, match="isn't a class"):
        code.load_class("one", "helpers:name")


BY_NAME = {
    "import_module": "import importlib\nfound = importlib.import_module('helpers').name",
    "from importlib": "from importlib import import_module as load\nfound = load('helpers').name",
    "a dotted name": (
        "import importlib\nfound = importlib.import_module('package.inner').deep.split()[1]"
    ),
    "a relative name": (
        "from importlib import import_module\nfound = import_module('.helpers', __package__).name"
    ),
    "relative to a plain name": (
        "from importlib import import_module\n"
        "found = import_module('.inner', package='package').deep.split()[1]"
    ),
    "__import__": "found = __import__('helpers').name",
    "__import__ of a dotted name": (
        "found = __import__('package.inner', fromlist=['deep']).deep.split()[1]"
    ),
    "in a function": (
        "def find(name):\n    import importlib as i\n    return i.import_module(name)\n"
        "found = find('helpers').name"
    ),
    "exec": "exec('import helpers')\nfound = helpers.name",
    "find_spec": (
        "import importlib.util\nfrom importlib.util import find_spec\n"
        "assert find_spec('helpers') and importlib.util.find_spec('json').name == 'json'\n"
        "from helpers import name as found"
    ),
    "resources": (
        "from importlib import resources\nimport importlib.resources as again\n"
        "found = resources.files('package').joinpath('word.txt').read_text()\n"
        "assert again.files('package') == resources.files('package')"
    ),
    "pkgutil": (
        "import pkgutil\nassert pkgutil.get_data('package', 'word.txt')\n"
        "found = pkgutil.resolve_name('helpers:name')"
    ),
}


@pytest.mark.parametrize("way", BY_NAME)
def test_modules_of_the_folder_are_found_by_their_names(folders, way):
    for name in ("one", "two"):
        (folders / name / "package" / "word.txt").write_text(name)
        (folders / name / "steps.py").write_text(f"{BY_NAME[way]}\nclass Step: who = found\n")
        assert code.load_class(name, "steps:Step").who == name
    assert not OWN & set(sys.modules)


def test_others_modules_are_imported_by_name_as_ever(folders):
    import importlib

    (folders / "one" / "steps.py").write_text(
        "import importlib, pkgutil, importlib.util\n"
        "from importlib import *\n"
        "class Step:\n"
        "    json, reload = importlib.import_module('json'), staticmethod(importlib.reload)\n"
        "    helpers = importlib.import_module('helpers')\n"
        "    again = importlib.reload(helpers) is helpers\n"
        "    machinery = importlib.machinery\n"
        "    module = importlib\n"
        "    inside = import_module('helpers')\n"
    )
    cls = code.load_class("one", "steps:Step")
    assert cls.json.__name__ == "json"
    assert cls.again
    assert cls.inside is cls.helpers
    assert cls.reload is importlib.reload
    assert cls.machinery is importlib.machinery
    assert cls.module.__spec__ is importlib.__spec__
    assert dir(cls.module) == dir(importlib)
    with pytest.raises(ModuleNotFoundError, match="'nowhere'"):
        cls.module.import_module("nowhere")


def test_views_are_pickled_by_their_names(folders):
    import importlib

    cloudpickle = pytest.importorskip("cloudpickle")
    source = "import importlib\nclass Step: module = importlib\n"
    (folders / "one" / "steps.py").write_text(source)
    seen = code.load_class("one", "steps:Step").module
    assert cloudpickle.loads(cloudpickle.dumps(seen)) is importlib


@pytest.mark.parametrize("line", ["from ..two import helpers", "from ... import execute"])
def test_a_relative_import_stays_in_the_folder(folders, line):
    (folders / "one" / "steps.py").write_text(f"{line}\nclass Step: ...\n")
    with pytest.raises(ImportError, match="beyond the pipeline's folder"):
        code.load_class("one", "steps:Step")


def test_a_relative_import_may_go_up_inside_the_folder(folders):
    (folders / "one" / "package" / "inner.py").write_text("from ..helpers import name as deep\n")
    (folders / "one" / "steps.py").write_text(
        "from package.inner import deep\nclass Step: who = deep\n"
    )
    assert code.load_class("one", "steps:Step").who == "one"
