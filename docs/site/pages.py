"""The pages as the repository has them, made into those of the site.

A link to a file of the repository outside of `docs` leads to a page of the site with that file.
Where GitHub's Markdown and Python's differ, what is written for the first is put into the words of
the second. Pictures are drawn here, by Atlas, so that no page needs a script from elsewhere.
"""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, InclusionLevel
from navigation import ROOT, in_site

from atlas.draw import Drawing, Edge, Node, svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?: (?P<title>\S+))?$")
_MARK = re.compile(r"^<!-- (?:(?P<mark>file|append): )?(?P<value>.+) -->$")
_ITEM = re.compile(r"^(?P<indent> *)(?P<mark>[-*]|\d+\.) +(?=\S)")
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1")
_NODE = re.compile(r'(\w+)(?:\["([^"]+)"\])?')
_LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".yml": "yaml", ".yaml": "yaml"}
_TAB = 4

_repository: dict[str, str] = {}
"""A page of the site → the file of the repository that it is made from."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to and `docs` doesn't have: other pages, and sources."""
    _repository.clear()
    _repository.update((file.src_uri, f"docs/{file.src_uri}") for file in files)
    left = [file.src_uri for file in files.documentation_pages()]
    while left:
        page = left.pop()
        for path in _linked(_repository[page]):
            where = in_site(path)
            if where not in _repository and (ROOT / path).is_file():
                _repository[where] = path
                files.append(_generated(config, where, path))
                left += [where] if path.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's text in the Markdown of the site."""
    path = _repository[page.file.src_uri]
    if not path.endswith(".md"):
        return markdown
    lines = list(_lines(markdown, path))
    return "\n".join(_nested(lines))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return a page with what the theme leaves out for people who use a keyboard or a reader."""
    dialog = 'data-md-component="search" role="dialog"'
    named = output.replace(dialog, f'{dialog} aria-label="Search"')
    return named.replace("<th></th>", "<td></td>")


def _generated(config: MkDocsConfig, where: str, path: str) -> File:
    """Return a page for a file of the repository; a source is one block."""
    text = (ROOT / path).read_text("utf-8")
    if path.endswith(".md"):
        return File.generated(config, where, content=text)
    language = _LANGUAGES.get(Path(path).suffix, "text")
    block = f"# {path}\n\n````{language}\n{text.rstrip()}\n````\n"
    return File.generated(config, where, content=block, inclusion=InclusionLevel.NOT_IN_NAV)


def _linked(path: str) -> Iterator[str]:
    """Give the files of the repository that a page links to."""
    for line in _prose((ROOT / path).read_text("utf-8").splitlines()):
        for found in _LINK.finditer(_CODE.sub("", line)):
            yield _target(path, found[1])


def _prose(lines: list[str]) -> Iterator[str]:
    """Give the lines that stand in no block."""
    inside = False
    for line in lines:
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def _target(path: str, link: str) -> str:
    """Return the file that a link leads to; of a folder, its index."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return f"{target}/README.md" if (ROOT / target).is_dir() else target


def _lines(markdown: str, path: str) -> Iterator[str]:
    """Give the lines of a page: blocks with their titles, drawings drawn, links of the site."""
    title, heading = "", ""
    lines = iter(markdown.splitlines())
    for line in lines:
        if fence := _FENCE.match(line):
            block = [*takewhile(lambda inner: inner.strip() != "```", lines)]
            yield from _block(fence, block, fence["title"] or title, heading)
            title = ""
        elif mark := _MARK.match(line):
            title = mark["value"] if mark["mark"] else ""
        else:
            title = title if not line else ""
            heading = line.lstrip("# ") if line.startswith("#") else heading
            yield _linking(line, path)


def _block(fence: re.Match[str], block: list[str], title: str, heading: str) -> Iterator[str]:
    """Give a fenced block; a picture is drawn."""
    if fence["language"] == "mermaid":
        yield from ("", drawn(block, heading), "")
        return
    named = f' title="{title}"' if title else ""
    yield f"{fence['indent']}```{fence['language'] or 'text'}{named}"
    yield from (*block, f"{fence['indent']}```")


def _linking(line: str, path: str) -> str:
    """Return a line with links to pages of the site; in a table, code needs no escaped bars."""
    parts, end = [], 0
    for code in _CODE.finditer(line):
        own = code[0].replace("\\|", "|") if line.startswith("|") else code[0]
        parts += [_moved(line[end : code.start()], path), own]
        end = code.end()
    return "".join((*parts, _moved(line[end:], path)))


def _moved(text: str, path: str) -> str:
    """Return text whose links to files of the repository lead to their pages."""
    base = posixpath.dirname(in_site(path)) or "."

    def link(found: re.Match[str]) -> str:
        return posixpath.relpath(in_site(_target(path, found[1])), base) + (found[2] or "")

    return _LINK.sub(link, text)


def _nested(lines: list[str]) -> Iterator[str]:
    """Give lines with lists as Python's Markdown nests them: four columns, a blank line before."""
    levels: list[int] = []
    before, was_item, inside = "", False, False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        item = None if inside else _ITEM.match(line)
        if line and not inside and (item or not before):
            levels = [level for level in levels if level <= indent]
        if item and before and not levels and not was_item:
            yield ""
        was_item = bool(levels or item)
        own = max(indent - levels[-1], 0) if levels else indent
        yield f"{' ' * (_TAB * len(levels) + own)}{line.lstrip()}" if line.strip() else ""
        levels += [item.end()] if item else []
        inside ^= line.lstrip().startswith("```")
        before = line


def drawn(lines: list[str], title: str) -> str:
    """Return a flowchart of Mermaid, of nodes and arrows alone, as a drawing of Atlas."""
    labels: dict[str, str] = {}
    edges: list[Edge] = []
    for line in lines[1:]:
        ends = [_ends(end) for end in line.split("-->")]
        labels |= {name: label or labels.get(name, name) for name, label in ends}
        edges += [Edge(one, other) for (one, _), (other, _) in pairwise(ends)]
    nodes = [_node(name, *label.split("<br/>")) for name, label in labels.items()]
    text = svg(Drawing(title, tuple(nodes), tuple(edges)))
    return f'<div class="drawing" tabindex="0">{_in_page(text)}</div>'


def _ends(text: str) -> tuple[str, str]:
    """Return the name and the label of one end of an arrow."""
    found = _NODE.fullmatch(text.strip())
    if not found:
        raise PluginError(f'no drawing can be made of {text!r}: expected NAME or NAME["LABEL"]')
    return found[1], found[2] or ""


def _node(name: str, label: str, detail: str = "") -> Node:
    return Node(name, label, detail=detail, noun="part")


def _in_page(text: str) -> str:
    """Return an SVG on one line, dark where the page is, whatever the system is."""
    dark = re.compile(r"@media \(prefers-color-scheme:dark\)\{((?:[^{}]*\{[^{}]*\})*)\}")
    on_dark = "[data-md-color-scheme=slate] #atlas"
    return dark.sub(lambda rules: rules[1].replace("#atlas", on_dark), text).replace("\n", " ")
