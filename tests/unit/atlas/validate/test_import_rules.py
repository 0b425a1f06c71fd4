"""Imports that leave a pipeline's folder: told before they fail where only the folder is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.validate import check

STEP = "\nfrom atlas import Template\n\n\nclass A(Template):\n    def run(self) -> None: ...\n"
OUTSIDE = {
    "beside the folders": ("import common", ["common"]),
    "once each": ("import common\nfrom common import x\nimport common", ["common"]),
    "in a folder beside": (
        "import sys\nsys.path.append('../lib')\nimport inlib.deep as d", ["inlib.deep"],
    ),
    "where a path leads": (
        "import sys\nsys.path.insert(0, '{far}')\nimport faraway", ["faraway"],
    ),
    "above the folder": ("from ..other import steps", ["..other"]),
    "far above": ("from .... import step", ["....step"]),
    "another pipeline": ("from other.steps import B", ["other.steps"]),
    "in a function": ("def f():\n    with x:\n        import common", ["common"]),
    "by its name": ("from importlib import import_module as i\nimport importlib\n"
                    "importlib.import_module('common')", ["common"]),
    "when another fails": (
        "try:\n    import nothing\nexcept ImportError:\n    import common", ["common"],
    ),
}  # fmt: skip
INSIDE = {
    "its own": "import helper\nfrom helper import x\nfrom . import helper as h\nimport package.sub",
    "up, inside": "import package.up",
    "deeper, by a path": (
        "import sys\nfrom pathlib import Path\n"
        "sys.path.append(str(Path(__file__).parent / 'vendor'))\nimport common_too"
    ),
    "of Python and installed": "import json, os.path, pytest\nfrom xml import etree",
    "not here at all": "import surely_nowhere",
    "for type checkers": (
        "from typing import TYPE_CHECKING\nimport typing\nif TYPE_CHECKING:\n    import common\n"
        "if typing.TYPE_CHECKING:\n    import other.steps"
    ),
    "for a script": "if __name__ == '__main__':\n    import common",
    "that may fail": "try:\n    import common\nexcept ImportError:\n    common = None",
    "in a module that no step reaches": "",
    "computed": "import importlib\nimportlib.import_module(str())\nimportlib.import_module('.helper', __package__)",
}
FILES = {
    "pyproject.toml": "[tool.atlas]\n",
    "p/config.json": {"version": 1, "name": "p", "recipes": {"training": "training.json"}},
    "p/training.json": {
        "version": 1, "name": "t", "flow": "training", "steps": {"a": {"class": "steps:A"}},
    },
    "p/helper.py": "x = 1\n",
    "p/scratch.py": "import common\n",
    "p/package/__init__.py": "",
    "p/package/sub.py": "",
    "p/package/up.py": "from ..helper import x\nfrom .. import helper\n",
    "p/vendor/common_too.py": "",
    "common.py": "x = 1\n",
    "common_too.py": "",
    "lib/inlib/__init__.py": "",
    "lib/inlib/deep.py": "",
    "other/steps.py": "",
}  # fmt: skip


def write(folder: Path, source: str) -> Path:
    for name, content in {**FILES, "p/steps.py": source + STEP}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def left(folder: Path) -> list[str]:
    problems = check(folder).errors
    assert {one.code for one in problems} <= {"R045"}, problems
    return [one.found for one in problems]


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_import_that_leaves_the_folder(name: str, tmp_path: Path) -> None:
    source, expected = OUTSIDE[name]
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "faraway.py").write_text("")
    source = source.replace("{far}", str(tmp_path / "far"))
    project = write(tmp_path / "project", source)
    assert left(project) == expected
    (problem,) = check(project).errors
    lines = source.splitlines()
    assert problem.line in range(1, len(lines) + 1)
    assert expected[0].strip(".").partition(".")[0] in lines[problem.line - 1]


@pytest.mark.parametrize("name", INSIDE)
def test_an_import_that_stays(name: str, tmp_path: Path) -> None:
    assert left(write(tmp_path, INSIDE[name])) == []


def test_an_import_of_a_helper_is_told_at_the_helper(tmp_path: Path) -> None:
    project = write(tmp_path, "import helper")
    (project / "p" / "helper.py").write_text("\nimport common\n")
    (problem,) = check(project).errors
    assert (Path(problem.file).name, problem.line) == ("helper.py", 2)


def test_what_is_allowed_or_required_goes_along_by_other_ways(tmp_path: Path) -> None:
    project = write(tmp_path, "import common, inlib")
    (project / "pyproject.toml").write_text('[tool.atlas]\nallow = ["inlib.deep"]\n')
    assert left(project) == ["common"]
    recipe = json.loads((project / "p" / "training.json").read_text())
    recipe |= {"images": {"main": {"requirements": "requirements.txt"}}}
    recipe["steps"]["a"]["image"] = "main"
    (project / "p" / "training.json").write_text(json.dumps(recipe))
    (project / "p" / "requirements.txt").write_text(
        "pandas\nCommon[extra]>=2 ; python_version>'3'\n"
    )
    assert left(project) == []


def test_an_editable_install_of_the_project_is_outside_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write(tmp_path, "import inlib")
    monkeypatch.syspath_prepend(str(project / "lib"))
    assert left(project) == ["inlib"]


def test_a_link_brings_a_module_into_the_folder(tmp_path: Path) -> None:
    project = write(tmp_path, "import common, lib.inlib.deep")
    (project / "p" / "common.py").symlink_to("../common.py")
    (project / "p" / "lib").symlink_to("../lib")
    assert left(project) == []


@pytest.mark.parametrize("name", ["atlas.py", "atlas/steps.py", "atlas/__init__.py"])
def test_nothing_is_called_as_atlas_is(name: str, tmp_path: Path) -> None:
    project = write(tmp_path, "")
    (project / "p" / name).parent.mkdir(exist_ok=True)
    (project / "p" / name).write_text("class A: ...\n")
    assert [one.code for one in check(project).errors] == ["R046"]
    recipe = (project / "p" / "training.json").read_text()
    for cls in ("atlas:A", "atlas.steps:A", "atlas:Template"):
        (project / "p" / "training.json").write_text(recipe.replace("steps:A", cls))
        assert {one.code for one in check(project).errors} == {"R046", "R014"}


def test_data_in_a_folder_called_atlas_are_no_matter(tmp_path: Path) -> None:
    project = write(tmp_path, "")
    (project / "p" / "atlas").mkdir()
    (project / "p" / "atlas" / "brain.csv").write_text("a\n")
    assert left(project) == []
