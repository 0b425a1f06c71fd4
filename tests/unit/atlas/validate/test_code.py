"""What of a pipeline's folder is its code: all that a run may need, and no document of a Plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from atlas.environment import find_project
from atlas.load import Loader, load_configs
from atlas.plan import code_digest
from atlas.store import add_code, code_folder, open_store
from atlas.validate.code import code_files, code_problems

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = {"version": 1, "name": "p", "recipes": {"training": "training.json"}}
FILES = {
    "p/steps.py": "import json\n",
    "p/config.json": json.dumps(CONFIG),
    "p/training.json": json.dumps({"extends": "base.json", "steps": {"a": {"recipe": "inner.json"}}}),
    "p/base.json": "{}",
    "p/inner.json": "{}",
    "p/mapping.json": "{}",
    "p/words.txt": "w",
    "p/requirements.lock": "",
    "p/notes.ipynb": "{}",
    "p/.env": "",
    "p/configs/__init__.py": "",
    "p/configs/rates.json": "{}",
    "p/configs/other.json": json.dumps({**CONFIG, "name": "q"}),
    "p/tests/test_steps.py": "",
    "p/__pycache__/steps.pyc": "",
    "shared/lib/clean.py": "x = 1\n",
}  # fmt: skip
CODE = ["configs/__init__.py", "configs/rates.json", "mapping.json", "steps.py", "words.txt"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "p"


def names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in code_files(folder)]


def test_only_documents_are_left_out(folder) -> None:
    assert names(folder) == CODE


def test_tests_go_along_where_a_source_speaks_of_them(folder) -> None:
    (folder / "steps.py").write_text(
        "from importlib import import_module\nimport_module('tests.test_steps')\n"
    )
    assert names(folder) == sorted([*CODE, "tests/test_steps.py"])


def test_links_to_folders_are_followed_inside_the_project(folder, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.py").write_text("")
    (folder / "lib").symlink_to(folder.parent / "shared" / "lib")
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    assert names(folder) == sorted([*CODE, "lib/clean.py"])
    (problem,) = code_problems(folder, folder.parent)
    assert (problem.code, problem.message) == ("R023", "leads out of the project")


def test_a_snapshot_has_the_digest_of_its_source(folder, tmp_path) -> None:
    (folder / "lib").symlink_to(folder.parent / "shared" / "lib")
    store, digest = open_store((tmp_path / "store").as_uri()), code_digest(folder)
    add_code(store, folder, digest)
    assert names(code_folder(store, digest)) == names(folder)
    (folder.parent / "shared" / "lib" / "clean.py").write_text("x = 2\n")
    assert code_digest(folder) != digest, "an edit behind a link is an edit"


def test_documents_that_were_read_already_are_found_alike(folder) -> None:
    loader = Loader(find_project(folder))
    load_configs(folder, loader)
    for recipe in ("training.json", "base.json", "inner.json"):
        loader.recipe(folder / recipe)
    assert str(folder / "config.json") in loader.values
    assert code_files(folder, loader.values) == code_files(folder)
