"""The functions of a notebook as steps, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas_import.notebook_export import export, write


def notebook(folder: Path, *cells: str) -> Path:
    path = folder / "a.ipynb"
    code = [{"cell_type": "code", "source": cell} for cell in cells]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "# it"}, *code]}))
    return path


def notes(path: Path) -> list[str]:
    return [f"{note.place}: {note.text}" for note in export(path).notes]


def test_functions_with_hints_are_steps_and_what_they_need_is_there(tmp_path: Path) -> None:
    path = notebook(
        tmp_path,
        "import pandas as pd\nLIMIT = 3",
        "def more(n: int) -> int:\n    return n + 1",
        "def clean(rows: pd.DataFrame, *, n: int = LIMIT) -> pd.DataFrame:\n"
        "    # the first ones\n    return rows.head(more(n))",
    )
    module = export(path)
    assert module.steps == ("clean",)
    assert module.text == (
        '"""Steps from the notebook a.ipynb."""\n\nimport pandas as pd\nfrom atlas import step\n\n\n'
        "LIMIT = 3\n\n\ndef more(n: int) -> int:\n    return n + 1\n\n\n@step\n"
        "def clean(rows: pd.DataFrame, *, n: int = LIMIT) -> pd.DataFrame:\n"
        "    # the first ones\n    return rows.head(more(n))\n"
    )
    assert notes(path) == [
        "a.ipynb: cell 2, line 1: 'more' is kept as a plain function: another one calls it"
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("df = read()\nlen(df)", ["line 1: 'df = read()' wasn't", "line 2: 'len(df)' wasn't"]),
        ("%time f()", [": '%time f()' became a comment"]),
        ("%%bash\nls", [": '%%bash' wasn't taken over"]),
        ("from os import *", ["line 1: 'from os import *' wasn't taken over"]),
        ("def f(:", [": isn't Python that can be parsed"]),
        ("def step() -> int: ...", ["line 1: 'step' has the decorator's name: give it another"]),
        ("def f(a, b: int) -> int: ...", ["plain function: give 'a' a type hint"]),
        ("def f(a: int): ...", ["plain function: give what it returns a type hint"]),
        ("def f(*a: int) -> int: ...", ["plain function: it has * or ** arguments"]),
        ("async def f() -> int: ...", ["plain function: it is asynchronous"]),
        ("def f() -> int: ...\ndef f() -> str: ...", ["'f' takes the place of an earlier one"]),
        (
            "df = read()\ndef f() -> int: return len(df)",
            ["'df = read()' wasn't", "'f' uses 'df' of cell 1, line 1: make it an argument"],
        ),
    ],
)
def test_the_rest_is_told_with_its_place(tmp_path: Path, code: str, expected: list[str]) -> None:
    found = notes(notebook(tmp_path, code))
    assert len(found) == len(expected)
    for one, part in zip(found, expected, strict=True):
        assert one.startswith("a.ipynb: cell 1")
        assert part in one


def test_a_step_stays_a_step_and_no_code_is_run(tmp_path: Path) -> None:
    there = tmp_path / "there"
    code = f"from atlas import step\nopen({str(there)!r}, 'w')\n@step\ndef f() -> int: return 1"
    module = export(notebook(tmp_path, code))
    assert module.text.count("@step") == module.text.count("import step") == 1
    assert not there.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    module, to = export(notebook(tmp_path, "def f() -> int: return 1")), tmp_path / "steps.py"
    assert write(module, to)
    assert not write(module, to)
    to.write_text("mine")
    with pytest.raises(AtlasError, match="is there already, with another content"):
        write(module, to)
    assert to.read_text() == "mine"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 3}', '{"cells": [3]}'])
def test_what_is_no_notebook(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(AtlasError, match=r"a\.ipynb: isn't a notebook that can be read"):
        export(tmp_path / "a.ipynb")


def test_a_notebook_without_a_function(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="no cell defines a function or a class"):
        write(export(notebook(tmp_path, "x = 1")), tmp_path / "steps.py")
