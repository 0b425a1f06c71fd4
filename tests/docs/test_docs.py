"""Every example of the docs works, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def _examples() -> object:
    """Import the module beside this one, which importlib mode has no package for."""
    spec = importlib.util.spec_from_file_location(
        "docs_examples", Path(__file__).parent / "examples.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


examples = _examples()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATLAS_STATE", "ATLAS_STORE", "ATLAS_CODE", "ATLAS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    examples.run(page, tmp_path)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\n", False),
        ("a  \n", "a\n", True),
        ("took 3.2 s\n", "took … s\n", True),
        ("took 3.2 s\nmore\n", "took … s\n", False),
        ("a\nb\nc\nd\n", "a\n…\nd\n", True),
        ("a\nd\n", "a\n…\nd\n", True),
        ("a\nb\nc\n", "a\n…\nd\n", False),
        ("(a) [b]\n", "(a) [b]\n", True),
    ],
)
def test_what_counts_as_expected(printed: str, expected: str, *, same: bool) -> None:
    assert examples.matches(printed, expected) is same


def test_a_page_that_lies_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    for text in (
        "```console\n$ echo a\nb\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ true\n[exit 1]\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "```python\n>>> 1 + 1\n3\n```\n",
    ):
        page.write_text(text)
        with pytest.raises(AssertionError):
            examples.run(page, tmp_path)


def test_blocks_are_files_or_left_out_where_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- file: a/b.json -->\n```json\n{}\n```\n<!-- append: a/b.json -->\n\n```json\n[]\n```\n"
        "<!-- not run: no -->\n```console\n$ false\n```\n```text\nx\n```\n"
        "```console\n$ cat \\\n    a/b.json\n{}\n[]\n$ false\n[exit 1]\n```\n"
    )
    assert examples.run(page, tmp_path) == 3
