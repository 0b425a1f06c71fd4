"""HTML: one page with the picture, pan, zoom, what there is to know on hover, and a table of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.draw import palette
from atlas.draw.as_svg import svg
from atlas.pages.style import policy_with
from atlas.pages.texts import xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.draw.model import Drawing, Marks, Node


def html(drawing: Drawing, marks: Marks | None = None) -> str:
    """Return a drawing as one HTML page that needs no network and may run no script but its own.

    Args:
        drawing: what to draw.
        marks: a node's id → its outcome.
    """
    return "\n".join((*_lines(drawing, drawing.outcomes(marks)), ""))


def _lines(drawing: Drawing, marks: Marks) -> Iterator[str]:
    """Give the page line by line."""
    script, styles = _file("page.js"), _file("page.css")
    title = xml(drawing.title)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy_with(script)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{styles}</style></head><body>"
    yield f"<header><h1>{title}</h1><p>{xml(drawing.summary())}</p>"
    yield from (f"<p>{xml(note)}</p>" for note in drawing.notes)
    yield '</header><main><div id="tools"><button id="in" title="Zoom in">+</button>'
    yield '<button id="out" title="Zoom out">&minus;</button><button id="fit">Fit</button></div>'
    yield '<div id="view" aria-label="Graph; arrow keys move it, + and - zoom">'
    yield svg(replace(drawing, notes=()), marks, titled=False)
    yield '</div><div id="tip" role="status"></div>'
    yield from _table(drawing, marks)
    yield f"</main><script>{script}</script></body></html>"


def _table(drawing: Drawing, marks: Marks) -> Iterator[str]:
    """Give everything that hovering tells, to read without hovering."""
    if drawing.facts:
        yield f"<h2>Pipeline</h2>{_facts(drawing.facts)}"
    yield "<h2>Nodes</h2><table><thead><tr><th>name</th><th>kind</th><th>about</th></tr></thead>"
    yield "<tbody>"
    for node in drawing.nodes:
        state = palette.state(node, marks.get(node.id, ""))
        noun = node.noun or node.kind
        kind = f"{noun}, {state}" if state else noun
        facts = _facts({**_changed(node), **node.facts})
        yield f"<tr><th>{xml(node.id)}</th><td>{xml(kind)}</td><td>{facts}</td></tr>"
    yield "</tbody></table>"


def _changed(node: Node) -> dict[str, str]:
    return {f"changed {name}": change for name, change in node.changes.items()}


def _facts(facts: Mapping[str, str]) -> str:
    """Return facts as a list of descriptions."""
    listed = (f"<dt>{xml(name)}</dt><dd>{xml(fact)}</dd>" for name, fact in facts.items())
    return f"<dl>{''.join(listed)}</dl>"


def _file(name: str) -> str:
    from importlib.resources import files

    return files("atlas.draw").joinpath(name).read_text(encoding="utf-8")
