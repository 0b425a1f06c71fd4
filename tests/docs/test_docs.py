"""Every example of the docs works, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "CONTRIBUTING.md"]


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


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATLAS_STATE", "ATLAS_STORE", "ATLAS_CODE", "ATLAS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    examples.run(page, tmp_path)


def links(page: Path) -> list[str]:
    """Return the files that a page links to, as it writes them."""
    return re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), *TOP], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_the_index_has_every_page() -> None:
    """A page of Problems or decisions is in their own index, which the index has."""
    indices = tuple(DOCS / folder / "README.md" for folder in ("", "problems", "decisions"))
    linked = {(index.parent / link).resolve() for index in indices for link in links(index)}
    pages = {*DOCS.rglob("*.md"), *TOP} - {*indices, ROOT / "README.md"}
    assert sorted(page.name for page in pages - linked) == []
    assert (DOCS / "problems" / "README.md") in linked


def test_a_word_of_the_glossary_is_there_once() -> None:
    rows = re.findall(r"^\| (\*\*.+?) \|", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    words = [word.lower() for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row)]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert len(words) > 40


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
