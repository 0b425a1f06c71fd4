"""The page of a search: its trials as parallel coordinates, in their order, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.pages import DARK, POLICY, STYLE, xml
from atlas.search.axes import number, text_of
from atlas.search.coordinates import over_time, parallel
from atlas.search.history import DONE, FAILED, PRUNED, ranked, spent
from atlas.template import Html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.search.spec import SearchSpec

_OWN_STYLE = """
svg { display: block; }
svg text { fill: var(--text); }
svg .tick, svg .scale { fill: var(--quiet); paint-order: stroke; stroke: var(--page);
  stroke-width: 3px; }
svg .name { font-weight: 600; font-size: 12px; }
svg .axis { stroke: var(--quiet); }
svg .rule { stroke: var(--rule); }
.trial path { fill: none; }
.trial .hit { stroke: transparent; stroke-width: 9; }
.trial .line { stroke: var(--accent); stroke-width: 1.6; pointer-events: none; }
.trial.pruned .line { stroke: var(--quiet); stroke-dasharray: 5 4; stroke-opacity: .6; }
.trial.failed .line { stroke: var(--bad); stroke-dasharray: 2 4; stroke-opacity: .6; }
.trial.best .line { stroke: var(--good); stroke-width: 3.5; }
.trial:hover .line, .trial:target .line { stroke-width: 4; stroke-opacity: 1;
  stroke: var(--text); stroke-dasharray: none; }
circle.done { fill: var(--accent); }
circle.pruned { fill: none; stroke: var(--quiet); }
circle.failed { fill: var(--bad); }
.so-far { fill: none; stroke: var(--good); stroke-width: 2; }
.legend { color: var(--quiet); }
.legend b { display: inline-block; width: 26px; margin: 0 6px 3px 14px; vertical-align: middle;
  border-top: 3px solid var(--accent); }
.legend b.best { border-color: var(--good); }
.legend b.pruned { border-top: 2px dashed var(--quiet); }
.legend b.failed { border-top: 2px dotted var(--bad); }
.trials { overflow: auto; }
.trials td { white-space: nowrap; }
.trials td:last-child { white-space: normal; min-width: 12rem; }
tr.best td { color: var(--good); font-weight: 600; }
tr.failed td, tr.pruned td { color: var(--quiet); }
"""


def page_of(step: str, history: Sequence[Any], spec: SearchSpec) -> Html:
    """Return the page of a search; it loads nothing and runs no script.

    Args:
        step: name of the step.
        history: its trials.
        spec: the search.
    """
    return Html("\n".join(_parts(step, history, spec)) + "\n")


def _parts(step: str, history: Sequence[Any], spec: SearchSpec) -> Iterator[str]:
    title = xml(f"Search of {step}")
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>{title}</title><style>{STYLE}{DARK}{_OWN_STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>{_facts(history, spec)}"
    yield f"<h2>Params and {xml(spec.metric)}</h2>{_legend(history)}"
    drawing = parallel(history, spec.space, spec.metric, spec.goal)
    yield f'<div class="graph">{drawing}</div>'
    yield f"<h2>{xml(spec.metric)} by trial</h2>"
    yield f'<div class="graph">{over_time(history, spec.metric, spec.goal)}</div>'
    yield "<h2>Trials</h2>"
    yield f'<div class="trials">{_table(history, spec)}</div></body></html>'


def _facts(history: Sequence[Any], spec: SearchSpec) -> str:
    counts = {state: sum(t["state"] == state for t in history) for state in (DONE, PRUNED, FAILED)}
    order = ranked(history, spec.goal)
    facts = {
        "method": f"{spec.method}, seed {spec.seed}",
        "goal": f"{spec.goal} {spec.metric}",
        "trials": ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        + (f"; {spec.max_failed} may fail" if spec.max_failed is not None else ""),
        "trials ran": f"{spent(history):.1f} s"
        + (f" of {spec.time:g} s" if spec.time is not None else ""),
        "best": f"trial {order[0]['number']}: {number(order[0]['value'])}" if order else "none",
    }
    if order:
        facts["best params"] = ", ".join(
            f"{name} = {text_of(value)}" for name, value in order[0]["params"].items()
        )
    rows = "".join(f"<tr><th>{xml(k)}</th><td>{xml(v)}</td></tr>" for k, v in facts.items())
    return f'<table class="facts">{rows}</table>'


def _legend(history: Sequence[Any]) -> str:
    kinds = {"best": "the best", "done": "done: the better, the stronger"}
    states = {trial["state"] for trial in history}
    kinds |= {state: state for state in (PRUNED, FAILED) if state in states}
    marks = "".join(f'<b class="{name}"></b>{text}' for name, text in kinds.items())
    return (
        f'<p class="legend">{marks}. Point at a line for its trial; a number below leads to it.</p>'
    )


def _table(history: Sequence[Any], spec: SearchSpec) -> str:
    names = [*spec.space]
    heads = "".join(f"<th>{xml(name)}</th>" for name in names)
    first = '<th class="number">trial</th><th>state</th>'
    head = f'<tr>{first}<th class="number">{xml(spec.metric)}</th>{heads}'
    order = ranked(history, spec.goal)
    known = {trial["number"] for trial in order}
    rest = [trial for trial in history if trial["number"] not in known]
    rows = "".join(
        _row(trial, names, is_best=index == 0 and bool(order))
        for index, trial in enumerate([*order, *rest])
    )
    return f'<table>{head}<th class="number">seconds</th><th></th></tr>{rows}</table>'


def _row(trial: Any, names: Sequence[str], *, is_best: bool) -> str:
    value = "" if trial["value"] is None else number(float(trial["value"]))
    params = "".join(f"<td>{xml(text_of(trial['params'][name]))}</td>" for name in names)
    link = f'<a href="#trial-{trial["number"]}">{trial["number"]}</a>'
    return (
        f'<tr class="{"best" if is_best else trial["state"]}"><td class="number">{link}</td>'
        f'<td>{trial["state"]}</td><td class="number">{value}</td>{params}'
        f'<td class="number">{trial["seconds"]:.2f}</td><td>{xml(trial["error"])}</td></tr>'
    )
