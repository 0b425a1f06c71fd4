"""Two runs side by side as one HTML page that loads nothing, with plots in SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.pages import POLICY, STYLE
from atlas.pages.texts import fit, xml
from atlas.runs.comparison import METRICS, NUMBERS, SECONDS, SECTIONS
from atlas.runs.summary import mlflow_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.runs.comparison import RunComparison, RunFact
    from atlas.runs.summary import RunSummary

FIRST, SECOND = "#0969da", "#bc4c00"
"""Colours of the two runs' bars; the second's are hatched, too: no meaning is in colour alone."""
_LABEL, _WIDTH, _BAR, _GAP = 240, 900, 12, 14
_ROOM = _WIDTH - _LABEL - 110
_MOST_BARS = 200
_PAGE_STYLE = """
.compared td { font: 12px/1.4 ui-monospace, Menlo, "DejaVu Sans Mono", monospace; }
.compared td, .compared th { overflow-wrap: anywhere; width: 26%; }
.compared .number { text-align: right; }
.differs { background: #fff8c5; }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 6px; }
details { margin-top: 6px; }
"""


def comparison_page(comparison: RunComparison, mlflow: str = "") -> str:
    """Return a comparison as one HTML page.

    Args:
        comparison: of two runs.
        mlflow: URL of the MLflow server that the page links to, or empty.
    """
    return "\n".join((*_lines(comparison, mlflow), ""))


def _lines(comparison: RunComparison, mlflow: str) -> Iterator[str]:
    """Give the page line by line."""
    first, second = comparison.first, comparison.second
    title = f"{first.name} and {second.name}"
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>{xml(title)}</title><style>{STYLE}{_PAGE_STYLE}</style></head><body>"
    yield "<h1>Two runs compared</h1>"
    for run, colour, word in ((first, FIRST, "first"), (second, SECOND, "second")):
        box = f'<rect width="12" height="12" fill="{colour}"/>'
        key = f'<svg class="key" viewBox="0 0 12 12">{box}</svg>'
        yield f"<p>{key}<strong>{word}</strong>: {xml(run.name)}{_links(run, mlflow)}</p>"
        yield from (f"<p>{xml(note['by'])}: {xml(note['note'])}</p>" for note in run.notes)
    for section, heading in ((METRICS, "Metrics"), (SECONDS, "Seconds of each step")):
        facts = comparison.of(section)
        if facts:
            yield f"<h2>{heading}</h2>{_plot(facts, is_shared=section == SECONDS)}"
            yield _table(facts)
    for section in SECTIONS:
        if section not in NUMBERS:
            yield from _section(section, comparison.of(section))
    yield "</body></html>"


def _links(run: RunSummary, mlflow: str) -> str:
    pages = {"MLflow": mlflow_page(mlflow, run), run.target: run.page}
    return "".join(
        f' · <a href="{xml(url)}">{xml(name)}</a>'
        for name, url in pages.items()
        if url.startswith(("http://", "https://"))
    )


def _section(section: str, facts: Sequence[RunFact]) -> Iterator[str]:
    """Give what differs in a section, and behind a fold what is the same."""
    if not facts:
        return
    differing = [fact for fact in facts if fact.differs]
    same = [fact for fact in facts if not fact.differs]
    yield f"<h2>{section.capitalize()}</h2>"
    yield _table(differing) if differing else "<p>No difference.</p>"
    if same:
        yield f"<details><summary>The same: {len(same)}</summary>{_table(same)}</details>"


def _table(facts: Sequence[RunFact]) -> str:
    rows = "".join(map(_row, facts))
    head = "<tr><th></th><th>first</th><th>second</th><th>difference</th></tr>"
    return f'<table class="compared">{head}{rows}</table>'


def _row(fact: RunFact) -> str:
    mark = ' class="differs"' if fact.differs else ""
    kind = ' class="number"' if fact.section in NUMBERS else ""
    cells = "".join(f"<td{kind}>{xml(shown(side))}</td>" for side in (fact.first, fact.second))
    difference = "" if fact.difference is None else f"{fact.difference:+.6g}"
    return f"<tr{mark}><th>{xml(fact.name)}</th>{cells}<td{kind}>{difference}</td></tr>"


def shown(value: str | float | None) -> str:
    """Return one side of a fact as a text; ``-`` where a run hasn't got it."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else value


# The plots ------------------------------------------------------------------------------------


def _plot(facts: Sequence[RunFact], *, is_shared: bool) -> str:
    """Return two bars for each fact.

    Args:
        facts: numbers of two runs.
        is_shared: whether all have one scale, as what has one unit; else each fact has its own.
    """
    facts = facts[:_MOST_BARS]
    widest = max((_span(fact) for fact in facts), default=0.0)
    step = 2 * _BAR + _GAP
    groups = "".join(
        _bars(fact, index * step, widest if is_shared else _span(fact))
        for index, fact in enumerate(facts)
    )
    height = len(facts) * step
    box = f'viewBox="0 0 {_WIDTH} {height}" width="100%" role="img" aria-label="Bars of two runs"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-size="11">{_HATCH}{groups}</svg>'


_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{SECOND}"/>'
    '<rect width="2" height="6" fill="#ffffff" opacity="0.45"/></pattern></defs>'
)


def _span(fact: RunFact) -> float:
    """Return the width of a scale that has zero and both numbers."""
    values = [0.0, *_finite(fact)]
    return max(values) - min(values)


def _finite(fact: RunFact) -> list[float]:
    sides = (fact.first, fact.second)
    return [side for side in sides if isinstance(side, float) and math.isfinite(side)]


def _bars(fact: RunFact, top: int, span: float) -> str:
    """Return a fact's label, its zero line and its two bars."""
    zero = _LABEL + _ROOM * (-min([0.0, *_finite(fact)]) / span if span else 0.0)
    name = fit(fact.name, 38)
    text = f'<text x="{_LABEL - 8}" y="{top + _BAR + 4}" text-anchor="end">{xml(name)}</text>'
    line = f'<path d="M{zero:.1f} {top}v{2 * _BAR}" stroke="#57606a"/>'
    sides = ((fact.first, FIRST, top), (fact.second, "url(#hatch)", top + _BAR))
    bars = "".join(_bar(value, fill, (zero, y), span) for value, fill, y in sides)
    return f"{text}{bars}{line}"


def _bar(value: str | float | None, fill: str, start: tuple[float, int], span: float) -> str:
    zero, top = start
    if not isinstance(value, float) or not math.isfinite(value):
        return f'<text x="{zero + 4:.1f}" y="{top + 10}">{xml(shown(value))}</text>'
    width = abs(value) / span * _ROOM if span else 0.0
    left = zero - width if value < 0 else zero
    bar = f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR - 1}" fill="{fill}"/>'
    return f'{bar}<text x="{max(left + width, zero) + 4:.1f}" y="{top + 10}">{value:.6g}</text>'
