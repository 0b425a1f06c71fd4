"""The pictures of docs/architecture.md are the imports, and what the page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import rooms

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PICTURES = {
    "packages": rooms.packages,
    "atlas": lambda: rooms.rooms("atlas"),
    "atlas_deploy": lambda: rooms.rooms("atlas_deploy"),
}
_MARKS = re.compile(r"(<!-- picture: (\w+) -->\n)(?:\n```mermaid\n.*?```\n)?", re.DOTALL)
FOLDERS = ("platform", "infra", "atlas_cli", "tests", "docs", "recipes", ".ci")


def drawn(text: str) -> str:
    """Return a page with its pictures as they should be."""
    return _MARKS.sub(lambda mark: f"{mark[1]}\n{rooms.mermaid(PICTURES[mark[2]]())}\n", text)


def test_the_pictures_are_the_imports(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text("utf-8")
    assert {mark[2] for mark in _MARKS.finditer(text)} == set(PICTURES)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(drawn(text), "utf-8")
    assert PAGE.read_text("utf-8") == drawn(text), (
        "stale: draw them with `pytest tests/docs --update-golden`"
    )


def test_a_picture_leaves_out_what_follows_from_it() -> None:
    chain = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset()}
    assert rooms.mermaid(chain) == "```mermaid\ngraph LR\n    a --> b\n    b --> c\n```"


@pytest.mark.parametrize("picture", PICTURES)
def test_no_room_imports_itself_by_way_of_others(picture: str) -> None:
    arrows = PICTURES[picture]()
    assert [room for room in arrows if rooms.reaches(arrows, arrows[room], room)] == []


@pytest.mark.parametrize("package", ["atlas", "atlas_deploy"])
def test_every_room_is_explained(package: str) -> None:
    cells = re.findall(r"^\| (`.+?`) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    explained = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert set(rooms.rooms(package)) - explained == set()


@pytest.mark.parametrize("page", [PAGE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    words = re.findall(r"`([^`\s]+)`", page.read_text("utf-8"))
    named = [word for word in words if word.split("/")[0] in FOLDERS and "<" not in word]
    assert named
    assert [word for word in named if not list(ROOT.glob(word.partition(":")[0]))] == []
