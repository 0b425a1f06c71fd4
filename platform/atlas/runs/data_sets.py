"""The data sets of pipelines: where each is, what reading it costs, and what last read it."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.data_formats import SQL, is_part
from atlas.dataclass import dataclass
from atlas.datasets.partitions import is_hidden
from atlas.datasets.versions import CONTENT, content_version
from atlas.errors import AtlasError, StoreError
from atlas.plan import resolve
from atlas.runs.index import RunIndex
from atlas.step.inputs import storage_options
from atlas.step.opening import open_data
from atlas.step.secrets import secret
from atlas.tracking.record import outcomes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from atlas.plan import Plan, PlanData
    from atlas.step.data import DataHandle
    from atlas.store import Store

_RUNS = 20
"""How many runs of each pipeline are looked through, the latest first."""


@dataclass(frozen=True, slots=True)
class DataSetFacts:
    """What is known of one data set.

    Attributes:
        name: its name in Configs.
        uri: where it is.
        format: how it is written.
        pipelines: who has it, as ``pipeline flow``.
        size: bytes; None where that isn't known without reading it.
        files: how many files it is.
        version: as the Environment states it; of ``content``, the first digits of its digest.
        rows: how many the last read gave; None where none is recorded.
        read_by: the run that last read it, and when, or empty.
        written_by: the run that last wrote it, and when, or empty.
        checks: how many checks the Config has of it.
        broken: what the last read found of them.
        problem: why it can't be looked at, or empty.
    """

    name: str
    uri: str
    format: str
    pipelines: tuple[str, ...]
    size: int | None = None
    files: int = 0
    version: str = ""
    rows: int | None = None
    read_by: str = ""
    written_by: str = ""
    checks: int = 0
    broken: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    def row(self) -> tuple[str, ...]:
        """Return it as a row of a table."""
        rows = "" if self.rows is None else f"{self.rows:,}"
        found = self.problem or "; ".join(self.broken) or (f"{self.checks} hold" if rows else "")
        checks = found if self.checks or self.problem else "none"
        cells = (self.uri, self.format, _bytes(self.size), rows, self.version[:12], self.read_by)
        return (self.name, *(cell or "-" for cell in (*cells, checks)))


HEADERS = ("DATA", "WHERE", "FORMAT", "SIZE", "ROWS", "VERSION", "LAST READ BY", "CHECKS")


@dataclass
class _Used:
    """What runs have recorded of a data set, the latest."""

    read_by: str = ""
    written_by: str = ""
    rows: int | None = None
    broken: tuple[str, ...] = ()


@dataclass
class _Declared:
    """One data set, and who has it."""

    plan: Plan
    declared: PlanData
    pipelines: list[str] = field(default_factory=list)


def data_sets(path: Path, environment: str, store: Store) -> list[DataSetFacts]:
    """Return what is known of the data sets of pipelines, by name.

    Files are looked at, not read, but for those whose version is their content and that have
    changed. Databases aren't asked.

    Args:
        path: Recipe, Config, pipeline or folder.
        environment: name of the Environment.
        store: the artifact store, with the runs.

    Raises:
        AtlasError: a pipeline is wrong.
    """
    asked: dict[str, _Declared] = {}
    pipelines: dict[str, None] = {}
    for pipeline in resolve(path, environment=environment):
        for plan in pipeline.plans.values():
            pipelines[plan.name] = None
            for name, declared in plan.data.items():
                one = asked.setdefault(name, _Declared(plan, declared))
                one.pipelines.append(f"{plan.name} {plan.flow}")
    used = _used(store, pipelines)
    return [
        _facts(name, one, used.get(name, _Used()), store) for name, one in sorted(asked.items())
    ]


def _facts(name: str, one: _Declared, used: _Used, store: Store) -> DataSetFacts:
    declared, problem = one.declared, ""
    size: int | None = None
    files, version, uri, format = 0, declared.version, declared.uri, declared.format
    try:
        handle = _opened(one.plan, declared, name, store)
        uri, format = handle.uri, handle.format
        if not declared.uri.startswith(SQL):
            size, files = _size(handle)
            if declared.version == CONTENT:
                version = _content(handle, name, store)
    except FileNotFoundError:
        problem = "nothing is there"
    except (AtlasError, StoreError) as error:
        problem = str(error).removeprefix("step data: ").removeprefix(f"data.{name}: ")
    checks = declared.checks
    count = len(checks.get("columns", {})) + len(checks.get("unique", ())) + ("rows" in checks)
    return DataSetFacts(
        name, uri, format, tuple(one.pipelines), size, files, version, used.rows,
        used.read_by, used.written_by, count, used.broken, problem,
    )  # fmt: skip


def _opened(plan: Plan, declared: PlanData, name: str, store: Store) -> DataHandle:
    """Open a data set as a step does, without a run's facts; of a database, without its URL."""
    handle = open_data(declared, name, "data", "", store.url)
    if declared.credential and not declared.uri.startswith(SQL):
        text = secret(plan, "data", declared.credential)
        handle.options = storage_options("data", declared.credential, text)
    return handle


def _size(handle: DataHandle) -> tuple[int, int]:
    place, key = handle.place()
    if not handle.uri.endswith("/"):
        return place.size(key), 1
    parts = (e for e in place.entries(key) if is_part(e.key, handle.format))
    sizes = [entry.size for entry in parts if not is_hidden(entry.key)]
    if not sizes:
        raise FileNotFoundError(handle.uri)
    return sum(sizes), len(sizes)


def _content(handle: DataHandle, name: str, store: Store) -> str:
    place, key = handle.place()
    parts = ((), handle.format, handle.facts) if handle.uri.endswith("/") else None
    return content_version(store.location, place, key, f"{name} {handle.uri}", parts)


def _used(store: Store, pipelines: Mapping[str, None]) -> dict[str, _Used]:
    """Return the latest use of each data set by a run of the pipelines."""
    found: dict[str, _Used] = {}
    runs = [
        (summary.started, summary.run, pipeline)
        for pipeline in pipelines
        for summary in sorted(
            RunIndex(store, pipeline).summaries(), key=lambda one: one.started, reverse=True
        )[:_RUNS]
    ]
    for started, run, pipeline in sorted(runs, reverse=True):
        for name, action, rows, broken in _uses(store, pipeline, run):
            use = found.setdefault(name, _Used())
            who = f"{pipeline}/{run} at {started[:16]}"
            if action == "read" and not use.read_by:
                use.read_by, use.rows, use.broken = who, rows, broken
            elif action == "written" and not use.written_by:
                use.written_by = who
    return found


def _uses(
    store: Store, pipeline: str, name: str
) -> Iterator[tuple[str, str, int | None, tuple[str, ...]]]:
    """Give what a run has read and written: name, action, rows, and what checks have found."""
    try:
        run = store.run(pipeline, name)
        plan = store.plan(run.plan)
        outcomes = [outcome for _, outcome in outcomes_of(store, plan, run)]
    except StoreError:
        return
    for outcome in outcomes:
        yield from _failed_checks(outcome, plan)
        statistics = outcome.get("statistics") or {}
        for action in ("read", "written"):
            for data, facts in (statistics.get(action) or {}).items():
                start = f"data.{data}: checks."
                notes = [note for note in outcome.get("notes", ()) if note.startswith(start)]
                broken = tuple(note.removeprefix(f"data.{data}: ") for note in notes)
                yield data, action, facts.get("rows"), broken
        for entry in (outcome.get("provenance") or {}).get("data", ()):
            yield entry.get("name", ""), entry.get("action", ""), None, ()


def _failed_checks(
    outcome: Mapping[str, Any], plan: Plan
) -> Iterator[tuple[str, str, int | None, tuple[str, ...]]]:
    """Give the data set whose checks have failed a step."""
    name, _, found = str(outcome.get("error", "")).removeprefix("data.").partition(": ")
    if name in plan.data and found.startswith("checks."):
        yield name, "read", None, (found,)


def _bytes(size: int | None) -> str:
    """Return a size in words, in decimal units."""
    if size is None:
        return ""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - a thousand
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
