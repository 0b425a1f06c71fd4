"""The page of the command line has every variable that Atlas reads or sets, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text("utf-8")
NAME = re.compile(r"\bATLAS_[A-Z]+(?:_[A-Z]+)*\b")
OF_USERS = {"ATLAS_SECRET_NAME"}
"""Named after what a user has named."""


def test_every_variable_of_the_source_is_on_the_page() -> None:
    files = [
        file for top in ("platform", "atlas_cli", "infra") for file in (ROOT / top).rglob("*.py")
    ]
    source = {name for file in files for name in NAME.findall(file.read_text("utf-8"))}
    assert source == set(NAME.findall(PAGE)) - OF_USERS


def test_every_exit_code_of_the_source_is_on_the_page() -> None:
    from atlas_cli.commands.up import _TIMED_OUT
    from atlas_cli.running import INTERRUPTED

    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert codes == {0, 1, 2, _TIMED_OUT, INTERRUPTED}


def test_what_the_page_of_editors_tells_to_paste_is_json_and_finds_problems() -> None:
    page = (ROOT / "docs" / "editors.md").read_text("utf-8")
    blocks = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    (tasks,) = [block for block in blocks if "tasks" in block]
    pattern = tasks["tasks"][0]["problemMatcher"]["pattern"]
    found = re.match(pattern["regexp"], "a/training.json:3:1: error R012: no step 'x'")
    assert found
    groups = [pattern[name] for name in ("file", "line", "column", "severity", "code", "message")]
    assert [found[number] for number in groups] == [
        "a/training.json", "3", "1", "error", "R012", "no step 'x'",
    ]  # fmt: skip
    (launch,) = [block for block in blocks if "configurations" in block]
    _, run = launch["configurations"]
    from atlas_cli.lazy import load
    from atlas_cli.table import COMMANDS

    (entry,) = [entry for entry in COMMANDS if entry.name == run["args"][0]]
    assert load(entry).make_context("run", run["args"][1:]).params["only"] == ["train"]
