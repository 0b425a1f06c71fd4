"""The code that a step reaches: what changes its digest, and what doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.plan import code_digest
from atlas.step import reach

FILES = {
    "steps.py": "from helpers import x\ndef f():\n    import late\n",
    "helpers.py": "from package import inner\nx = 1\n",
    "late.py": "",
    "package/__init__.py": "",
    "package/inner.py": "from .sibling import y\n",
    "package/sibling.py": "y = 2\n",
    "package/unused.py": "",
    "other.py": "",
    "table.csv": "a,b\n",
    "broken.py": "from (\n",
    "wild.py": "from importlib import import_module\nimport_module(input())\n",
    "renamed.py": "from importlib import import_module as load\nload(input())\n",
    "kept.py": "import importlib\nload = importlib.import_module\nload(input())\n",
    "config.json": '{"recipes": {"training": "training.json"}}',
    "training.json": '{"steps": {"a": {"recipe": "inner.json"}}}',
    "inner.json": "{}",
    "mapping.json": "{}",
    "configs/__init__.py": "",
    "configs/rates.json": "{}",
    "tests/test_steps.py": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(folder: Path, module: str = "steps") -> str:
    reach._reached.cache_clear()
    return reach.reached_digest(folder, module, code_digest(folder))


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("steps.py", True),
        ("helpers.py", True),
        ("late.py", True),
        ("package/__init__.py", True),
        ("package/inner.py", True),
        ("package/sibling.py", True),
        ("package/unused.py", False),
        ("other.py", False),
        ("table.csv", True),
        ("config.json", False),
        ("training.json", False),
        ("inner.json", False),
        ("mapping.json", True),
        ("configs/rates.json", True),
        ("tests/test_steps.py", False),
    ],
)
def test_what_matters_to_a_step(folder, name, matters):
    before = digest(folder)
    (folder / name).write_text(FILES[name] + "\n")
    assert (digest(folder) != before) is matters


@pytest.mark.parametrize("module", ["wild", "renamed", "kept", "broken"])
def test_what_can_t_be_followed_reaches_everything(folder, module):
    assert digest(folder, module) == code_digest(folder)


def test_the_same_code_in_another_folder(folder, tmp_path_factory):
    import shutil

    copy = tmp_path_factory.mktemp("copy") / "x"
    shutil.copytree(folder, copy)
    assert digest(copy) == digest(folder)
