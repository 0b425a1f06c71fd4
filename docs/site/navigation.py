"""The navigation of the site: the lists of docs/README.md, and below them those of other indices.

A heading of the second level is a section of the site, a link of a list a page. Where a page is an
index itself, its own headings and lists stand below it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

ROOT = Path(__file__).parents[2]
INDEX = "docs/README.md"
INDICES = ("docs/problems/README.md", "docs/decisions/README.md")
_HEADING = re.compile(r"^##+ (.+)$")
_ENTRY = re.compile(r"^- \[(?P<title>.+?)\]\((?P<link>[^)#]+\.md)\)(?:: (?P<text>.+))?$")

Navigation = list[Any]
"""As MkDocs takes it: each item is ``{title: page}`` or ``{title: Navigation}``."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give the site its navigation."""
    config.nav = navigation()
    return config


def navigation() -> Navigation:
    """Return the navigation, with the index first."""
    first, *others = _sections(INDEX)
    (title, pages) = next(iter(first.items()))
    return [{title: [{"Overview": in_site(INDEX)}, *pages]}, *others]


def in_site(path: str) -> str:
    """Return where the site has a file of the repository, both as posix paths from their roots."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if found := re.fullmatch(r"recipes/(\w+)/README\.md", path):
        return f"examples/{found[1]}.md"
    if path.endswith(".md"):
        return path.lower()
    return f"sources/{path}.md"


def _sections(index: str) -> Navigation:
    """Return the sections of an index: the pages that are listed below each of its headings."""
    sections: list[tuple[str, Navigation]] = []
    for line in (ROOT / index).read_text("utf-8").splitlines():
        if heading := _HEADING.match(line):
            sections.append((heading[1].replace("`", ""), []))
        elif (entry := _ENTRY.match(line)) and sections:
            sections[-1][1].append(_item(index, entry))
    return [{title: _alone(pages)} for title, pages in sections if pages]


def _alone(pages: Navigation) -> Navigation:
    """Return pages without the level of an index that is the only one of its section."""
    inner = next(iter(pages[0].values()))
    return inner if len(pages) == 1 and isinstance(inner, list) else pages


def _item(index: str, entry: re.Match[str]) -> dict[str, Any]:
    """Return one page; of an index, the page and all that it lists."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(index), entry["link"]))
    if path not in INDICES:
        title = f"{entry['title']}: {entry['text']}" if index in INDICES else entry["title"]
        return {title.replace("`", ""): in_site(path)}
    return {entry["title"]: [{"All": in_site(path)}, *_sections(path)]}
