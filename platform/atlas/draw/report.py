"""The report of a run: one HTML page with its graph, when each step ran, and what came out."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from atlas.draw.palette import COLOURS
from atlas.draw.plans import of_plan
from atlas.draw.svg import svg, xml_lines
from atlas.formats import named
from atlas.pages import POLICY, STYLE, xml
from atlas.store.keys import artifact_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.plan import Plan
    from atlas.step import Outcome
    from atlas.store import Run

Outcomes: TypeAlias = "Mapping[tuple[str, int | None], Outcome]"
"""A step's name, and which key of it or None → how it ended."""

_MOST_BARS = 500
_BAR, _GAP, _LABEL, _WIDTH = 16, 4, 220, 900


def report(plan: Plan, run: Run, outcomes: Outcomes, skipped: Mapping[str, str]) -> str:
    """Return the report of a run as one HTML page that loads nothing.

    Args:
        plan: the Plan.
        run: the run.
        outcomes: how each step, or key of it, ended.
        skipped: steps that didn't run → why.
    """
    return "\n".join((*_lines(plan, run, outcomes, skipped), ""))


def _lines(plan: Plan, run: Run, outcomes: Outcomes, skipped: Mapping[str, str]) -> Iterator[str]:
    """Give the page line by line."""
    title = f"{run.pipeline} {run.flow}: {run.id}"
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>{xml(title)}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{xml(title)}</h1>{_facts(_about(plan, run, outcomes, skipped))}"
    yield from _failures(outcomes)
    graph = svg(of_plan(plan), marks_of(outcomes, skipped))
    yield f'<h2>Graph</h2><div class="graph">{graph}</div>'
    yield f"<h2>Time</h2>{_gantt(outcomes)}"
    yield from _steps(outcomes, skipped)
    yield from _reports(plan, run, outcomes)
    yield from _section("Metrics", _metrics(outcomes))
    yield from _section("Parameters", {k: str(v) for k, v in run.parameters.items()})
    yield from _section("Params", _params(plan))
    yield from _section("Artifacts", _artifacts(outcomes))
    yield from _section("Environment", _environment(plan, run))
    yield "</body></html>"


def marks_of(outcomes: Outcomes, skipped: Mapping[str, str]) -> dict[str, str]:
    """Return each step's mark in a drawing; of several keys, the worst."""
    marks = dict.fromkeys(skipped, "skipped")
    for (step, _), outcome in outcomes.items():
        mark = _mark(outcome)
        if _WORSE[mark] >= _WORSE.get(marks.get(step, ""), -1):
            marks[step] = mark
    return marks


_WORSE = {"cached": 0, "ran": 1, "skipped": 2, "failed": 3}


def _mark(outcome: Outcome) -> str:
    if outcome.is_skipped:
        return "skipped"
    return "failed" if not outcome.ok else "cached" if outcome.cached else "ran"


def _about(plan: Plan, run: Run, outcomes: Outcomes, skipped: Mapping[str, str]) -> dict[str, str]:
    failed = sum(not outcome.ok for outcome in outcomes.values())
    cached = sum(outcome.cached for outcome in outcomes.values())
    left = len(skipped) + sum(outcome.is_skipped for outcome in outcomes.values())
    about = {
        "status": "failed" if failed else "partial" if skipped else "done",
        "steps": f"{len(outcomes)}, {cached} cached, {failed} failed, {left} skipped",
        "started": _moment(run.created),
        "took": _took(outcomes),
        "interval": f"{run.interval_start} to {run.interval_end}" if run.interval_start else "",
        "trigger": run.trigger,
        "model": f"{run.model.name}, version {run.model.version}" if run.model else "",
        "description": plan.description,
    }
    return {name: text for name, text in about.items() if text}


def _moment(text: str) -> str:
    """Return a moment as people write it."""
    if not text:
        return ""
    moment = datetime.fromisoformat(text)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".rstrip()


def _took(outcomes: Outcomes) -> str:
    """Return how long it was from the start of the first step to the end of the last."""
    spans = [_span(outcome) for outcome in outcomes.values() if outcome.started]
    if not spans:
        return ""
    return f"{max(end for _, end in spans) - min(start for start, _ in spans):.1f} s"


def _failures(outcomes: Outcomes) -> Iterator[str]:
    """Give what went wrong, with the user's traceback."""
    for (step, item), outcome in outcomes.items():
        if not outcome.ok:
            yield f'<h2 class="failed">{xml(_name(step, item))} failed</h2>'
            yield f"<p>{xml(outcome.error)}</p>"
            if outcome.traceback:
                yield f"<pre>{xml_lines(outcome.traceback)}</pre>"


def _steps(outcomes: Outcomes, skipped: Mapping[str, str]) -> Iterator[str]:
    """Give the table of steps."""
    yield '<h2>Steps</h2><table class="steps"><tr><th>step</th><th>outcome</th>'
    yield '<th class="number">seconds</th><th class="number">attempts</th><th>why</th></tr>'
    for (step, item), outcome in outcomes.items():
        numbers = (f"{outcome.seconds:.3f}", str(outcome.attempts))
        numbers = ("", "") if outcome.is_skipped else numbers
        yield _row(_name(step, item), _mark(outcome), *numbers, _why(outcome))
    yield from (_row(step, "skipped", "", "", why) for step, why in skipped.items())
    yield "</table>"


def _why(outcome: Outcome) -> str:
    """Return why a step ended as it did."""
    if outcome.is_skipped:
        return outcome.reason
    cached = f"from {outcome.reason}"
    return cached if outcome.cached else outcome.error or f"not cached: {outcome.reason}"


def _row(name: str, outcome: str, seconds: str, attempts: str, why: str) -> str:
    numbers = f'<td class="number">{seconds}</td><td class="number">{attempts}</td>'
    return f"<tr><td>{xml(name)}</td><td>{outcome}</td>{numbers}<td>{xml(why)}</td></tr>"


def _gantt(outcomes: Outcomes) -> str:
    """Return bars over time, one for each unit, as SVG."""
    spans = [
        (name, outcome, *_span(outcome))
        for name, outcome in outcomes.items()
        if outcome.started and not outcome.is_skipped
    ]
    spans = sorted(spans, key=lambda span: (span[2], span[0][0]))[:_MOST_BARS]
    if not spans:
        return "<p>Nothing ran.</p>"
    start, end = min(span[2] for span in spans), max(span[3] for span in spans)
    scale = (_WIDTH - _LABEL - 80) / max(end - start, 0.001)
    height = len(spans) * (_BAR + _GAP) + _GAP
    bars = (
        _bar(index, _name(*name), outcome, (begin - start) * scale, (finish - begin) * scale)
        for index, (name, outcome, begin, finish) in enumerate(spans)
    )
    box = f'viewBox="0 0 {_WIDTH} {height}" width="100%" role="img" aria-label="Time of each step"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-size="11">{"".join(bars)}</svg>'


def _span(outcome: Outcome) -> tuple[float, float]:
    start = datetime.fromisoformat(outcome.started).timestamp()
    return start, start + outcome.seconds


def _bar(index: int, name: str, outcome: Outcome, left: float, width: float) -> str:
    top = _GAP + index * (_BAR + _GAP)
    text = f'<text x="{_LABEL - 8}" y="{top + 12}" text-anchor="end">{xml(name[:34])}</text>'
    place = f'x="{_LABEL + left:.1f}" y="{top}" width="{max(width, 1.5):.1f}" height="{_BAR}"'
    bar = f'<rect {place} rx="2" fill="{COLOURS[_mark(outcome)].line}"/>'
    at = _LABEL + left + max(width, 1.5) + 4
    return f'{text}{bar}<text x="{at:.1f}" y="{top + 12}">{outcome.seconds:.2f} s</text>'


def _reports(plan: Plan, run: Run, outcomes: Outcomes) -> Iterator[str]:
    """Give links to the reports that steps have made, which are in the store as this page is."""
    rows = "".join(
        f"<tr><th>{xml(f'{_name(step, item)}.{name}')}</th><td>{link}</td></tr>"
        for (step, item), outcome in outcomes.items()
        for name in outcome.outputs
        if (
            link := _link(
                outcome, _kind(plan, step, name), (run.pipeline, run.id, step, name, item)
            )
        )
    )
    if rows:
        yield f'<h2>Reports</h2><table class="facts">{rows}</table>'


def _kind(plan: Plan, step: str, output: str) -> str:
    """Return which kind of report an output is; empty for none."""
    produced = next(
        (candidate.outputs.get(output) for candidate in plan.steps if candidate.name == step), None
    )
    return produced.report if produced else ""


def _link(outcome: Outcome, kind: str, address: tuple[str, str, str, str, int | None]) -> str:
    """Return a link from this page to a report; of an earlier run, to the page that has it."""
    if not kind:
        return ""
    place = f"{artifact_key(*address)}/data{named(kind).suffix}"
    target = f"{outcome.reason}/report.html" if outcome.cached else place
    text = f"{kind}, in {outcome.reason}" if outcome.cached else kind
    return f'<a href="../../{quote(target)}">{xml(text)}</a>'


def _metrics(outcomes: Outcomes) -> dict[str, str]:
    return {
        f"{_name(*place)}.{name}": f"{value:.6g}"
        for place, outcome in outcomes.items()
        for name, value in outcome.metrics.items()
    }


def _params(plan: Plan) -> dict[str, str]:
    return {
        f"{step.name}.{name}": str(value.value) if value.kind == "value" else f"by the {value.kind}"
        for step in plan.steps
        for name, value in step.params.items()
    }


def _artifacts(outcomes: Outcomes) -> dict[str, str]:
    return {
        f"{_name(*place)}.{name}": f"sha256 {digest}"
        for place, outcome in outcomes.items()
        for name, digest in outcome.outputs.items()
    }


def _environment(plan: Plan, run: Run) -> dict[str, str]:
    facts = {
        "python": sys.version.partition(" ")[0],
        "machine": " ".join((os.uname().sysname, os.uname().release, os.uname().machine)),
        "environment": plan.environment,
        "commit": run.commit,
        "plan": plan.digest,
        "code": plan.code,
        **plan.digests,
    }
    return {name: text for name, text in facts.items() if text}


def _section(title: str, facts: Mapping[str, str]) -> Iterator[str]:
    if facts:
        yield f"<h2>{title}</h2>{_facts(facts)}"


def _facts(facts: Mapping[str, str]) -> str:
    rows: Iterable[Any] = facts.items()
    inner = "".join(f"<tr><th>{xml(k)}</th><td><code>{xml(v)}</code></td></tr>" for k, v in rows)
    return f'<table class="facts">{inner}</table>'


def _name(step: str, item: int | None) -> str:
    return step if item is None else f"{step}[{item}]"
