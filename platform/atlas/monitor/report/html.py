"""The page as HTML that loads nothing and runs no script, for a light and a dark screen."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from atlas.monitor.report import pictures, tables
from atlas.monitor.report.content import FIRED, NEAR, WARNS
from atlas.monitor.report.words import found, moment
from atlas.pages import DARK, POLICY, STYLE, xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.monitor.report.content import Course, MonitorPage, Suspect


def html(page: MonitorPage) -> str:
    """Return the page."""
    return "\n".join((*_lines(page), ""))


def _lines(page: MonitorPage) -> Iterator[str]:
    """Give the page line by line."""
    sections = [(name, content) for name, content in _sections(page) if content]
    title = xml(f"Monitor of {page.pipeline}")
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>"
    yield f"<style>{STYLE}{DARK}{_own_style()}</style></head><body>"
    yield from _header(page, title)
    links = "".join(f'<li><a href="#{_id(name)}">{name}</a></li>' for name, _ in sections)
    yield f'<nav aria-label="Sections"><ul>{links}</ul></nav><main>'
    for name, content in sections:
        yield f'<section aria-labelledby="{_id(name)}"><h2 id="{_id(name)}">{name}</h2>'
        yield f"{content}</section>"
    yield f"</main><footer><p>{title}, made by Atlas.</p></footer>"
    yield "</body></html>"


def _own_style() -> str:
    return files("atlas.monitor.report").joinpath("report.css").read_text(encoding="utf-8")


def _id(name: str) -> str:
    return name.lower().replace(" ", "-")


def _header(page: MonitorPage, title: str) -> Iterator[str]:
    state, words = _verdict(page)
    yield f'<header><h1>{title}</h1><p><span class="status {state}">{xml(words)}</span></p>'
    champion = f"{page.model}, version {page.version}" if page.version else "there is none"
    yield f"<p>Champion: {xml(champion)}. Environment: {xml(page.environment)}. "
    yield f"Checked: {xml(moment(page.checked))} UTC.</p></header>"


def _verdict(page: MonitorPage) -> tuple[str, str]:
    """Return how it stands: a class of styles, and words."""
    by_state = {
        state: [line.name for line in page.triggers if line.state == state]
        for state in (FIRED, WARNS, NEAR)
    }
    for state, kind in ((FIRED, "bad"), (WARNS, "warn"), (NEAR, "warn")):
        if by_state[state]:
            return kind, f"{', '.join(by_state[state])}: {state}"
    return ("good", "nothing has fired") if page.triggers else ("", "nothing was looked at")


def _sections(page: MonitorPage) -> Iterator[tuple[str, str]]:
    """Give the sections; an empty one is left out."""
    yield "Triggers", tables.triggers(page.triggers)
    yield "Not looked at", "".join(f'<p class="fault">{xml(text)}</p>' for text in page.warnings)
    yield "Drift", _drift(page)
    yield "Performance", _figures(page.performance)
    yield "Since training", _figures(page.counts)
    yield "Data quality", tables.breaches(page.breaches)
    yield "Events and retrainings", tables.happenings(page.happenings)
    yield "All tests", "".join(tables.measured(of, every) for of, every in page.measured.items())
    yield "The champion", tables.facts(page.facts)


# Drift ------------------------------------------------------------------------------------------


def _drift(page: MonitorPage) -> str:
    gone = f'<p class="fault">Gone: {xml(", ".join(page.gone))}.</p>' if page.gone else ""
    content = gone + tables.unseen(page.unseen) + "".join(map(_suspect, page.suspects))
    if not content and not page.budgets:
        return ""
    legend = _legend(
        ("line then", _LINE, "at training"),
        ("area now", _AREA, "now"),
        _GAP,
        ("line limit", _LINE, "threshold"),
        _ALARM,
    )
    return f"{_figures(page.budgets)}{legend if page.suspects else ''}{content}"


_GAP = ("gap", "M14 0V12", "where the distributions differ most")
_ALARM = ("alarm", "M14 1l5 5l-5 5l-5 -5z", "alarm")
_AREA, _LINE = "M1 2H27V10H1Z", "M1 6H27"


def _legend(*keys: tuple[str, str, str]) -> str:
    """Return what lines and colours mean: of each, its styles, its shape, its words."""
    items = "".join(
        f'<li><svg class="key" viewBox="0 0 28 12" aria-hidden="true"><path class="{style}" '
        f'd="{shape}"/></svg>{xml(words)}</li>'
        for style, shape, words in keys
    )
    return f'<ul class="legend" aria-label="Legend">{items}</ul>'


def _legend_of(course: Course) -> str:
    keys = [(f"line {line.style}", _LINE, line.name) for line in course.lines]
    band = [("band", _AREA, "bound")] if course.band is not None else []
    return _legend(*keys, *band, *([_ALARM] if course.alarms else []))


def _suspect(suspect: Suspect) -> str:
    """Return one feature at length: what was found, its shape, its distance over batches."""
    test = suspect.measured
    state = '<span class="status bad">drifted</span>' if test.alarms else ""
    figures = []
    if suspect.shape is not None:
        words = pictures.told(suspect.shape)
        figures.append(_figure(pictures.distribution(suspect.name, suspect.shape), words))
    if suspect.course is not None:
        figures.append(_figure(pictures.course(suspect.course), suspect.course.text))
    return (
        f'<article class="suspect"><h3>{xml(suspect.name)} <span class="of">{suspect.of}</span> '
        f'{state}</h3><p>{xml(found(test))}</p><div class="figures">{"".join(figures)}</div>'
        "</article>"
    )


# Pictures ---------------------------------------------------------------------------------------


def _figures(courses: Iterable[Course]) -> str:
    inner = "".join(_titled(course) for course in courses)
    return f'<div class="figures">{inner}</div>' if inner else ""


def _titled(course: Course) -> str:
    figure = _figure(pictures.course(course), course.text)
    return f'<div><h3 class="small">{xml(course.title)}</h3>{_legend_of(course)}{figure}</div>'


def _figure(picture: str, words: str) -> str:
    return f"<figure>{picture}<figcaption>{xml(words)}</figcaption></figure>"
