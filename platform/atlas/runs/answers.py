"""What is asked of the runs of a project, and the answer: as data, and as a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load import configs_under, load_configs, loader_for
from atlas.runs.annotations import annotate, parse_tags
from atlas.runs.best import HIGHER, LOWER, best, direction_of
from atlas.runs.comparison import METRICS, SECONDS, compare_runs
from atlas.runs.comparison_page import comparison_page, shown
from atlas.runs.filters import filtered, metrics_in
from atlas.runs.history import RunHistory, history, with_outbox
from atlas.runs.summary import WAITS, mlflow_page, mlflow_version_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from atlas.runs.comparison import RunFact
    from atlas.runs.summary import RunSummary
    from atlas.store import Store


@dataclass(frozen=True, slots=True)
class RunQuery:
    """What is asked; with nothing, the latest runs.

    Attributes:
        run: one run, to be shown as a whole, or empty.
        tags: ``KEY=VALUE`` that it gets.
        note: a note that it gets.
        where: conditions that the runs have to meet.
        best: metric by which they are ranked, or empty.
        direction: ``higher`` or ``lower``, or empty for what the promotion rule states.
        compare: two runs to compare, or None.
        html: where the comparison is written as a page, or None.
        limit: how many are listed.
        metrics: whether each metric of those listed is a column.

    Raises:
        AtlasError: two of these don't go together.
    """

    run: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    where: tuple[str, ...] = ()
    best: str = ""
    direction: str = ""
    compare: tuple[str, str] | None = None
    html: Path | None = None
    limit: int = 20
    metrics: bool = False

    def __post_init__(self) -> None:
        """Check what goes together."""
        needs = (
            ("--tag", self.tags, "--run", self.run),
            ("--note", self.note, "--run", self.run),
            ("--html", self.html, "--compare", self.compare),
            ("--direction", self.direction, "--best", self.best),
        )
        for name, given, other, needed in needs:
            if given and not needed:
                raise AtlasError(f"{name} needs {other}")
        actions = {"--run": self.run, "--compare": self.compare, "--best": self.best}
        chosen = [name for name, given in actions.items() if given]
        if len(chosen) > 1:
            raise AtlasError(f"give {chosen[0]} or {chosen[1]}, not both")
        if self.metrics and (self.run or self.compare):
            raise AtlasError(f"--metrics doesn't go with {chosen[0]}, which shows every metric")
        if self.where and (self.run or self.compare):
            raise AtlasError(f"--where doesn't go with {chosen[0]}")
        if self.direction not in ("", HIGHER, LOWER):
            text = f"expected {HIGHER} or {LOWER}"
            raise AtlasError(f"--direction: found '{self.direction}', {text}")


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """The answer.

    Attributes:
        data: it as plain data, or what has ``to_json``.
        headers: of a table with the same facts.
        rows: of the table.
        lines: below the table; alone where it has no rows.
        warnings: what couldn't be read, or was left out.
    """

    data: Any
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def answer(store: Store, path: Path, query: RunQuery) -> RunAnswer:
    """Answer a question about the runs of a path.

    Args:
        store: the artifact store.
        path: the project, or a pipeline's folder for its runs only.
        query: the question.

    Raises:
        AtlasError: a run, a metric or a condition isn't one.
        StoreError: the store can't be read, or a run can't be annotated.
    """
    past = history(store, pipelines_at(path))
    if query.compare:
        return _compared(store, past, query.compare, query.html)
    if query.run:
        return _one(store, past, query)
    runs = filtered(past.runs, query.where)
    if query.best:
        return _ranked(store, past, runs, query)
    empty = "no run meets these conditions" if query.where and past.runs else "no runs"
    listed = with_outbox(runs[: query.limit])
    if query.metrics and listed:
        return _measured(listed, tuple(past.damaged))
    headers = ("run", "pipeline", "status", "started", "seconds", "model")
    rows = [
        (run.run, run.pipeline, run.status, run.started[:19], f"{run.seconds:.1f}", run.model)
        for run in listed
    ]
    lines = [] if rows else [empty]
    lines += [f"waits for its family: {run.name}, {run.registered}" for run in waiting(listed)]
    return RunAnswer(listed, headers, rows, tuple(lines), tuple(past.damaged))


def waiting(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Return the runs whose versions wait for their families; of a pipeline the newest alone.

    Args:
        runs: the newest first.
    """
    newest: dict[str, RunSummary] = {}
    for run in runs:
        if run.decision:
            newest.setdefault(run.pipeline, run)
    return [run for run in newest.values() if run.decision == WAITS]


def pipelines_at(path: Path) -> set[str] | None:
    """Return the names of the pipelines of a folder; None for those of the whole project."""
    loader = loader_for(path)
    if not path.is_dir() or not any(map(loader.is_config, configs_under(path, loader.project))):
        return None
    if path.resolve() == loader.project.root.resolve():
        return None
    configs = load_configs(path, loader)
    return {file.config.member_name(axes) for file in configs for axes in file.config.members()}


def _ranked(store: Store, past: RunHistory, runs: list[RunSummary], query: RunQuery) -> RunAnswer:
    """List the runs that have a metric, the best first."""
    metric = query.best
    direction = query.direction or direction_of(store, runs, metric)
    ranked, left_out = best(runs, metric, direction)
    listed = with_outbox(ranked[: query.limit])
    if query.metrics:
        return _measured(listed, (*past.damaged, *left_out), metric)
    headers = ("run", "pipeline", metric, "started", "user", "commit", "registered")
    rows = [
        (run.run, run.pipeline, shown(run.metrics[metric]), run.started[:19], run.user,
         run.commit[:12], run.registered)
        for run in listed
    ]  # fmt: skip
    return RunAnswer(listed, headers, rows, warnings=(*past.damaged, *left_out))


def _measured(
    listed: Sequence[RunSummary], warnings: tuple[str, ...], first: str = ""
) -> RunAnswer:
    """Show runs by metrics: a column for each that one of them has, by name.

    Args:
        listed: the runs, in their order.
        warnings: what couldn't be read, or was left out.
        first: the metric that they are ranked by, which comes first; or empty.
    """
    names = sorted(metrics_in(listed), key=lambda name: (name != first, name))
    headers = ("run", "pipeline", "status", *names)
    rows = [
        (run.run, run.pipeline, run.status, *(shown(run.metrics.get(name)) for name in names))
        for run in listed
    ]
    lines = () if names else ("none of these runs has a metric",)
    return RunAnswer(listed, headers, rows, lines, warnings)


def _one(store: Store, past: RunHistory, query: RunQuery) -> RunAnswer:
    """Show one run, with the tags and the note that it is given."""
    run = past.find(query.run)
    if query.tags or query.note:
        annotate(store, run.pipeline, run.run, parse_tags(query.tags), query.note)
        run = history(store, {run.pipeline}).find(run.name)
    (run,) = with_outbox([run])
    server = os.environ.get("ATLAS_MLFLOW_URL", "")
    pages = {"mlflow": mlflow_page(server, run), "mlflow_model": mlflow_version_page(server, run)}
    rows = [(name, value) for name, value in _facts(run, pages) if value]
    return RunAnswer({**run.to_json(), **pages}, ("what", "value"), rows)


def _facts(run: RunSummary, pages: Mapping[str, str]) -> list[tuple[str, str]]:
    names = (
        *("run", "pipeline", "flow", "status", "started", "seconds", "trigger", "user", "commit"),
        *("target", "model", "registered", "decision", "plan", "page"),
    )
    return [
        *((name, str(getattr(run, name))) for name in names),
        *((name.replace("_", " "), page) for name, page in pages.items()),
        *((f"tag {key}", value) for key, value in run.tags.items()),
        *((f"note of {note['time'][:19]} by {note['by']}", note["note"]) for note in run.notes),
        *((f"param {name}", value) for name, value in run.params.items()),
        *((f"metric {name}", shown(value)) for name, value in run.metrics.items()),
    ]


def _compared(
    store: Store, past: RunHistory, names: tuple[str, str], html: Path | None
) -> RunAnswer:
    """Show what differs between two runs, and every metric; write the page if it is asked for."""
    comparison = compare_runs(store, *map(past.find, names))
    if html:
        files.write(html, comparison_page(comparison, os.environ.get("ATLAS_MLFLOW_URL", "")))
    rows = [
        _fact_row(fact)
        for fact in comparison.facts
        if fact.section == METRICS or (fact.differs and fact.section != SECONDS)
    ]
    same = sum(not fact.differs for fact in comparison.facts)
    lines = [f"the same in both: {same} of {len(comparison.facts)} facts"]
    lines += [f"{html} has the comparison as a page"] if html else []
    headers = ("what", comparison.first.run, comparison.second.run, "difference")
    return RunAnswer(comparison, headers, rows, tuple(lines))


def _fact_row(fact: RunFact) -> tuple[str, ...]:
    difference = "" if fact.difference is None else f"{fact.difference:+.6g}"
    sides = (shown(side)[:40] for side in (fact.first, fact.second))
    return (f"{fact.section}: {fact.name}", *sides, difference)
