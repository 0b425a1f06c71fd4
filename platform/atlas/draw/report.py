"""The report of a run: one HTML page with its graph, when each step ran, and what came out."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from atlas.draw.as_svg import svg, xml_lines
from atlas.draw.gantt import STYLE as BARS
from atlas.draw.gantt import gantt, mark_of, marks_of, name_of, span
from atlas.draw.plans import of_plan
from atlas.draw.report_outputs import IMAGES, figures, outputs_of, tables
from atlas.draw.report_outputs import STYLE as FIGURES
from atlas.formats import named
from atlas.pages import DARK, POLICY, STYLE, xml
from atlas.search.part import COUNT
from atlas.store.keys import artifact_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.plan import Plan
    from atlas.plan.parts import Value
    from atlas.step import Outcome
    from atlas.step.finished import Finished, Left
    from atlas.store import Run

Outcomes: TypeAlias = "Mapping[tuple[str, int | None], Outcome]"
"""A step's name, and which key of it or None → how it ended."""


def report(
    plan: Plan,
    run: Run,
    outcomes: Outcomes,
    skipped: Mapping[str, str],
    left: Left | None = None,
) -> str:
    """Return the report of a run as one HTML page that loads nothing.

    Args:
        plan: the Plan.
        run: the run.
        outcomes: how each step, or key of it, ended.
        skipped: steps that didn't run → why.
        left: where its artifacts are, and how it ended, once that is known: the model's version,
            and whether it is the champion; without it, digests alone are shown.
    """
    parts: tuple[Iterable[str], Iterable[str]] = ((), ())
    about = _about(plan, run, outcomes, skipped)
    if left is not None:
        shown = outputs_of(run, outcomes, left.store)
        parts = (
            figures(shown, left.store),
            tables(shown, left.store, hides_rows=bool(plan.hides_rows)),
        )
        about |= _version(left.finished)
    return "\n".join((*_lines(plan, run, outcomes, skipped, (about, *parts)), ""))


def _version(finished: Finished | None) -> dict[str, str]:
    """Return which version was registered, and whether it is the champion."""
    if finished is None or not finished.version:
        return {}
    lines = [line for line in finished.lines() if line.startswith("version ")]
    return {"registered": f"{finished.model}, version {finished.version}"} | (
        {"champion": lines[0]} if lines else {}
    )


def _lines(
    plan: Plan,
    run: Run,
    outcomes: Outcomes,
    skipped: Mapping[str, str],
    parts: tuple[Mapping[str, str], Iterable[str], Iterable[str]],
) -> Iterator[str]:
    """Give the page line by line, with what is known of the run and what shows its outputs."""
    about, pictures, outputs = parts
    title = f"{run.pipeline} {run.flow}: {run.id}"
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}; {IMAGES}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{xml(title)}</title><style>{STYLE}{DARK}{BARS}{FIGURES}</style></head><body>"
    yield f"<h1>{xml(title)}</h1>{_facts(about)}"
    yield from _failures(outcomes)
    graph = svg(of_plan(plan), marks_of(outcomes, skipped), titled=False)
    yield f'<h2>Graph</h2><div class="graph">{graph}</div>'
    yield f"<h2>Time</h2>{gantt(outcomes)}"
    yield from _steps(outcomes, skipped)
    yield from pictures
    yield from _reports(plan, run, outcomes)
    yield from _section("Metrics", _metrics(outcomes))
    yield from _section("Parameters", {k: str(v) for k, v in run.parameters.items()})
    yield from _section("Params", _params(plan))
    drawn = [*outputs]
    yield from drawn or _section("Artifacts", _artifacts(outcomes))
    yield from _section("Environment", _environment(plan, run))
    yield "</body></html>"


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
    spans = [span(outcome) for outcome in outcomes.values() if outcome.started]
    if not spans:
        return ""
    return f"{max(end for _, end in spans) - min(start for start, _ in spans):.1f} s"


def _failures(outcomes: Outcomes) -> Iterator[str]:
    """Give what went wrong, with the user's traceback."""
    for (step, item), outcome in outcomes.items():
        if not outcome.ok:
            yield f'<h2 class="failed">{xml(name_of(step, item))} failed</h2>'
            yield f"<p>{xml(outcome.error)}</p>"
            if outcome.traceback:
                yield f"<pre>{xml_lines(outcome.traceback)}</pre>"


def _steps(outcomes: Outcomes, skipped: Mapping[str, str]) -> Iterator[str]:
    """Give the table of steps."""
    yield '<h2>Steps</h2><div class="wide"><table class="steps"><tr><th>step</th><th>outcome</th>'
    yield '<th class="number">seconds</th><th class="number">attempts</th><th>why</th></tr>'
    for (step, item), outcome in outcomes.items():
        numbers = (f"{outcome.seconds:.3f}", str(outcome.attempts))
        numbers = ("", "") if outcome.is_skipped else numbers
        yield _row(name_of(step, item), mark_of(outcome), *numbers, _why(outcome))
    yield from (_row(step, "skipped", "", "", why) for step, why in skipped.items())
    yield "</table></div>"


def _why(outcome: Outcome) -> str:
    """Return why a step ended as it did."""
    if outcome.is_skipped:
        return outcome.reason
    cached = f"from {outcome.reason}"
    return cached if outcome.cached else outcome.error or f"not cached: {outcome.reason}"


def _row(name: str, outcome: str, seconds: str, attempts: str, why: str) -> str:
    numbers = f'<td class="number">{seconds}</td><td class="number">{attempts}</td>'
    return f"<tr><td>{xml(name)}</td><td>{outcome}</td>{numbers}<td>{xml(why)}</td></tr>"


def _reports(plan: Plan, run: Run, outcomes: Outcomes) -> Iterator[str]:
    """Give links to the reports that steps have made, which are in the store as this page is."""
    rows = "".join(
        f"<tr><th>{xml(f'{name_of(step, item)}.{name}')}</th><td>{link}</td></tr>"
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
        f"{name_of(*place)}.{name}": f"{value:.6g}"
        for place, outcome in outcomes.items()
        for name, value in outcome.metrics.items()
    }


def _params(plan: Plan) -> dict[str, str]:
    """Return the params of each step; those of a search's rounds once, by the step's own name."""
    return {
        f"{step.search.of if step.search else step.name}.{name}": _param(value)
        for step in plan.steps
        for name, value in step.params.items()
        if step.search is None or name != COUNT
    }


def _param(value: Value) -> str:
    """Return a param's value: text as it is, all else as JSON."""
    if value.kind != "value":
        return f"by the {value.kind}"
    return value.value if isinstance(value.value, str) else canonical(value.value)


def _artifacts(outcomes: Outcomes) -> dict[str, str]:
    return {
        f"{name_of(*place)}.{name}": f"sha256 {digest}"
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
