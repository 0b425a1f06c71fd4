"""The docs as a site: it is built strictly, has every page in its navigation, and loads nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.browser import CHROMIUM, DARK, opened, violations

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|object|link|use|form)\b[^>]*?"
    r"""\s(?:src|href|data|action)=["']?([^"'\s>]+)"""
)
"""What a page loads by itself; a link of the text isn't among it."""


def _hook(name: str) -> ModuleType:
    """Import a module of the site as MkDocs does, with its folder on the path."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "site" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


navigation = _hook("navigation")
pages = _hook("pages")


def built(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the docs of a project into a folder."""
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=280
    )


def loads(page: Path) -> list[str]:
    """Return what a page or a style sheet loads by itself."""
    text = page.read_text("utf-8")
    if page.suffix == ".css":
        return re.findall(r"""(?:url\(|@import )["']?([^"')]+)""", text)
    return _LOADED.findall(text)


def _flat(pages: list[dict[str, object]]) -> Iterator[str]:
    for item in pages:
        for inner in item.values():
            yield from _flat(inner) if isinstance(inner, list) else (str(inner),)


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(_flat(navigation.navigation()))
    assert len(listed) == len(set(listed))
    wanted = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    readmes = {f"examples/{page.parent.name}.md" for page in ROOT.glob("recipes/*/README.md")}
    assert wanted | readmes | {"contributing.md", "changelog.md"} == set(listed)


def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = built(ROOT, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    files = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(files) > 200
    elsewhere = re.compile(r"(?:[a-z+]+:)?//", re.IGNORECASE)
    assert [(f.name, one) for f in files for one in loads(f) if elsewhere.match(one)] == []
    architecture = (tmp_path / "architecture.html").read_text("utf-8")
    assert architecture.count('<div class="drawing"') == 3
    texts = [file.read_text("utf-8") for file in tmp_path.rglob("*.html")]
    # What the theme would draw, or ask a host of repositories for, with scripts from elsewhere.
    assert not any('class="mermaid"' in one or 'component="source"' in one for one in texts)
    assert "R049" in (tmp_path / "search" / "search_index.js").read_text("utf-8")
    assert (tmp_path / "sources" / "recipes" / "tumour" / "training.json.html").is_file()


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("other.md#nothing", "#nothing"),
        pytest.param("missing.md", "missing.md", marks=pytest.mark.long),
        pytest.param("../nowhere/README.md", "nowhere", marks=pytest.mark.long),
        pytest.param("../infra/no.py", "no.py", marks=pytest.mark.long),
    ],
    ids=["anchor", "page", "folder", "source"],
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, link: str, told: str) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(DOCS / "site", tmp_path / "docs" / "site")
    index = "# Docs\n\n## Start\n\n- [Other](other.md)\n\n[x]({link})\n"
    (tmp_path / "docs" / "README.md").write_text(index.format(link="other.md#a-b"))
    (tmp_path / "docs" / "other.md").write_text("# Other\n\n## A `b`\n")
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "docs" / "README.md").write_text(index.format(link=link))
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert told in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("- a\n  b\n- c\n", "- a\n    b\n- c"),
        ("text\n- a\n", "text\n\n- a"),
        ("1. a\n   - b\n     c\n   - d\n2. e\n", "1. a\n    - b\n        c\n    - d\n2. e"),
        ("1. a\n\n   ```json\n   {}\n   ```\n\nb\n", "1. a\n\n    ```json\n    {}\n    ```\n\nb"),
        ("```text\n- a\n  - b\n```\n", "```text\n- a\n  - b\n```"),
        ("- a\n\nb\n", "- a\n\nb"),
    ],
)
def test_lists_are_nested_as_pythons_markdown_wants_it(given: str, expected: str) -> None:
    assert "\n".join(pages._nested(given.rstrip("\n").split("\n"))) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[a](recipes.md#x)", "[a](recipes.md#x)"),
        ("[a](../CONTRIBUTING.md)", "[a](contributing.md)"),
        ("[`a`](../recipes/tumour/README.md)", "[`a`](examples/tumour.md)"),
        ("[a](decisions)", "[a](decisions/README.md)"),
        ("`[a](../x.md)`", "`[a](../x.md)`"),
        ("[a](https://example.org/x.md)", "[a](https://example.org/x.md)"),
        ("| `a\\|b` |", "| `a|b` |"),
    ],
)
def test_links_lead_to_pages_of_the_site(given: str, expected: str) -> None:
    assert pages._linking(given, "docs/page.md") == expected


def test_a_block_has_the_name_of_its_file_as_its_title() -> None:
    text = "<!-- file: a/b.py -->\n```python\nx\n```\n\n```json c.json\n{}\n```\n\n```\ny\n```\n"
    titled = (
        '```python title="a/b.py"\nx\n```\n\n```json title="c.json"\n{}\n```\n\n```text\ny\n```'
    )
    assert "\n".join(pages._lines(text, "docs/page.md")) == titled


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)")
def test_the_site_in_a_browser_without_a_network(tmp_path: Path) -> None:
    """Opened as files: the search finds, axe-core finds nothing, no page is wider than its screen."""
    assert built(ROOT, tmp_path / "site").returncode == 0
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    index = (tmp_path / "site" / "index.html").as_uri()
    shown = opened(f"{index}?q=R049", tmp_path / "profile", offline)
    assert re.search(r'class="md-search-result__item"[^>]*><a href="[^"]*problems/R049.html', shown)
    # The theme's copy buttons, and blocks that it makes focusable where there is a pointer.
    of_theme = {"landmark-unique", "scrollable-region-focusable"}
    for page, width, dark in (
        ("index", 1280, False), ("architecture", 1280, True), ("recipes", 480, True),
        ("reference/python", 1280, False), ("problems/R049", 480, False), ("glossary", 480, True),
    ):  # fmt: skip
        options = (offline, f"--window-size={width},900", *([DARK] if dark else []))
        found = violations(tmp_path / "site" / f"{page}.html", *options)
        assert [one for one in found["told"] if one[0] not in of_theme] == [], page
        assert (found["passed"] > 20, found["wide"], found["dark"]) == (True, False, dark), page
