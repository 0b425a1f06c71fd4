"""Every code has a page, and its examples give exactly that code, or nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas.validate.codes import CODES
from tests.contract.pages import INDEX, Page, pages, problems_of

SOURCES = Path(__file__).parents[2] / "platform"
PAGES = pages()
SHOWN = [page for page in PAGES if page.has_examples]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the working directory."""
    for name in ("ATLAS_STATE", "ATLAS_STORE", "ATLAS_CODE", "ATLAS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_codes_and_pages_are_one_to_one():
    assert [page.code for page in PAGES] == sorted(CODES)


def test_every_code_that_is_told_is_known():
    told = {
        code
        for file in SOURCES.rglob("*.py")
        if file.name != "codes.py"
        for code in re.findall(r'"([A-Z][0-9]{3})"', file.read_text("utf-8"))
    }
    assert told <= set(CODES)
    in_words = {
        code
        for file in (*SOURCES.rglob("*.py"), *SOURCES.with_name("atlas_cli").rglob("*.py"))
        for code in re.findall(r'"([A-Z][0-9]{3}): ', file.read_text("utf-8"))
    }
    assert in_words <= set(CODES)
    built = {code for code in CODES if code.startswith(("I2", "T3")) or code == "I106"}
    assert set(CODES) - built <= told | in_words, "a code that nothing tells"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_a_page_is_called_as_its_code_is(page: Page):
    assert page.title == f"{page.code}: {CODES[page.code]}"


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code)
def test_the_wrong_example_gives_that_code_alone(
    page: Page, empty: Path, request: pytest.FixtureRequest
):
    found = problems_of(page, "Wrong", empty)
    assert [one.code for one in found] == [page.code], "\n".join(map(str, found))
    printed = "".join(f"{one}\n" for one in found)
    printed = printed.replace(str(empty), "/home/you/shop").replace(empty.name, "shop")
    if request.config.getoption("--update-golden"):
        page.path.write_text(page.with_says(printed), "utf-8")
    assert page.says == printed


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code)
def test_the_right_example_gives_none(page: Page, empty: Path):
    found = problems_of(page, "Right", empty)
    assert found == [], "\n".join(map(str, found))


def test_the_index_lists_every_code(request: pytest.FixtureRequest):
    text = INDEX.read_text("utf-8")
    head, _, _ = text.partition("\n## Codes\n")
    expected = f"{head}\n## Codes\n{listing()}"
    if request.config.getoption("--update-golden"):
        INDEX.write_text(expected, "utf-8")
    assert INDEX.read_text("utf-8") == expected


KINDS = {
    "D00": "Documents, before anything is known of them",
    "D01": "Deployments and their stacks",
    "D02": "What a platform lacks for a deployment",
    "L": "Releases",
    "P": "The project",
    "S": "Structure, by the published schemas",
    "R": "Recipes, and the classes that they name",
    "C": "Configs",
    "A": "Alerts",
    "E": "Environments",
    "T0": "What no target can do",
    "T1": "What Kubeflow can't do, or does differently",
    "T2": "What Airflow can't do, or does differently",
    "T3": "Running on a target (`atlas train`)",
    "I0": "What only an import tells (`atlas validate --import`)",
    "I1": "What images are made from (`atlas build`)",
    "I2": "Building images",
    "M": "The model version of a run, at its start",
    "B": "Back-fills (`atlas backfill`)",
    "K": "Policies, for clusters and accounts (`atlas validate --policy`)",
    "N": "Notes, which stop nothing",
}


def listing() -> str:
    lines = []
    for letter, what in KINDS.items():
        lines += [f"\n### {what}\n"]
        codes = [code for code in sorted(CODES) if code.startswith(letter)]
        lines += [f"- [{code}]({code}.md): {CODES[code]}" for code in codes]
    return "\n".join(lines) + "\n"
