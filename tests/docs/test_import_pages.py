"""The pages of the I-codes: the wrong example gives exactly that code, the right one nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from atlas.step.imported import import_problems
from atlas.validate import check
from atlas.validate.codes import CODES

PAGES = Path(__file__).parents[2] / "docs" / "problems"
IMPORTED = [code for code in CODES if code.startswith("I00")]


def codes(folder: Path, source: str) -> set[str]:
    recipe = {"version": 1, "name": "r", "steps": {"one": {"class": "steps:One"}}}
    config = {"version": 1, "name": "p", "recipes": {"training": "training.json"}}
    (folder / "training.json").write_text(json.dumps(recipe))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "steps.py").write_text(source)
    report = check(folder)
    assert report.problems == ()
    return {one.code for one in import_problems(report)}


@pytest.mark.parametrize("code", IMPORTED)
def test_the_examples_give_that_code_and_no_other(code: str, tmp_path: Path) -> None:
    text = (PAGES / f"{code}.md").read_text("utf-8")
    assert text.startswith(f"# {code}: {CODES[code]}\n")
    wrong, right = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert codes(tmp_path, wrong) == {code}
    assert codes(tmp_path, right) == set()
