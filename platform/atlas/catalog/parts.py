"""What the catalogue's pages are put together from: the frame of a page, tables, small words."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from atlas.pages import DARK, POLICY, STYLE, policy_with, xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CLOSED = "; base-uri 'none'; form-action 'none'"
GOOD, BAD = "good", "bad"
NONE = "-"
"""What a cell has where there is nothing."""


@cache
def _file(name: str) -> str:
    return files("atlas.catalog").joinpath(name).read_text(encoding="utf-8")


def page(title: str, content: Iterable[str], *, scripted: bool = False) -> str:
    """Return a page that loads nothing.

    Args:
        title: in plain text.
        content: of the body, as HTML.
        scripted: whether the script of the search is a part of it.
    """
    return "\n".join((*_lines(title, content, scripted=scripted), ""))


def _lines(title: str, content: Iterable[str], *, scripted: bool) -> Iterator[str]:
    script = _file("catalog.js") if scripted else ""
    policy = (policy_with(script) if script else POLICY) + _CLOSED
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="referrer" content="no-referrer">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{xml(title)}</title><style>{STYLE}{DARK}{_file('catalog.css')}</style></head>"
    yield '<body><a class="skip" href="#main">Skip to the content</a>'
    yield from content
    yield f"<script>{script}</script></body></html>" if script else "</body></html>"


def section(name: str, content: str) -> str:
    """Return a section with a heading; nothing where it has no content."""
    if not content:
        return ""
    number = name.lower().replace(" ", "-")
    return (
        f'<section aria-labelledby="{number}"><h2 id="{number}">{xml(name)}</h2>{content}</section>'
    )


def table(caption: str, headers: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table that scrolls by itself; nothing where it has no rows.

    Args:
        caption: what it shows, in plain text.
        headers: of its columns, in plain text.
        rows: as HTML.
    """
    content = "".join(rows)
    if not content:
        return ""
    cells = "".join(f'<th scope="col">{xml(name)}</th>' for name in headers)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{xml(caption)}">'
        f"<table><caption>{xml(caption)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{content}</tbody></table></div>"
    )


def row(head: str, *cells: str) -> str:
    """Return a table's row; head and cells are HTML."""
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def pill(word: str, kind: str = "") -> str:
    """Return a word in a frame; its colour says nothing that the word doesn't."""
    return f'<span class="pill {kind}">{xml(word)}</span>' if word else NONE


def moment(text: str) -> str:
    """Return a time in ISO 8601 as people read it, to the minute, in UTC."""
    return f'<span class="time">{xml(text[:16].replace("T", " "))}</span>' if text else NONE


def number(value: float) -> str:
    """Return a number in up to five digits."""
    return f"{value:,.5g}"


def code(text: str) -> str:
    """Return a name or a digest in the letters of code."""
    return f"<code>{xml(text)}</code>" if text else NONE


def address(name: str) -> str:
    """Return the file of a pipeline's page, from the front page.

    A pipeline's name is letters, digits, ``-`` and ``_``, by its schema; all else is escaped.
    """
    from urllib.parse import quote

    return f"pipelines/{quote(name, safe='')}.html"
