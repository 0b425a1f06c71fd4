"""`atlas doctor` shows what set-up shows, at any time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from atlas_cli.__main__ import app
from atlas_toolchain import tools
from atlas_toolchain.finding import Finding

ROWS = [
    Finding(tool="python", found="3.11.7", needed=">=3.11", required=True, ok=True),
    Finding(tool="git", needed=">=2.30", without="all but releases", get="apt-get install -y git"),
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    rows = list(ROWS)
    monkeypatch.setattr(tools, "findings", lambda: rows)
    return rows


@pytest.mark.usefixtures("found")
def test_the_table_is_shown_and_an_optional_lack_is_no_problem() -> None:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    assert done.output.splitlines()[0].split() == [
        "tool", "found", "needed", "from", "what", "works", "without", "it",
    ]  # fmt: skip
    assert done.output.splitlines()[-1] == "git: missing; to get it: apt-get install -y git"


@pytest.mark.usefixtures("found")
def test_json_is_a_list_of_findings() -> None:
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert [(row["tool"], row["ok"]) for row in json.loads(done.stdout)] == [
        ("python", True), ("git", False),
    ]  # fmt: skip


def test_what_everything_needs_is_a_problem(found: list[Finding]) -> None:
    found[0] = replace(found[0], ok=False)
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1


@pytest.mark.usefixtures("found")
def test_install_gets_what_is_missing_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tools, "obtain", lambda say, *, again: asked.append(again) or say("works"))
    done = CliRunner().invoke(app, ["doctor", "--install", "--json"])
    assert asked == [True]
    assert done.stderr == "works\n"
    assert json.loads(done.stdout)


def test_every_tool_of_this_machine_says_what_works_without_it() -> None:
    rows = tools.findings()
    assert [row.tool for row in rows if not row.without] == []
    assert [row.tool for row in rows if not row.get or not row.why] == []
    assert {"python", "pulumi engine", "prometheus", "kfp", "git"} <= {row.tool for row in rows}
