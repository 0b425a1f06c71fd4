"""What each run is linked with, in one row of an index: it leads from causes to effects."""

from __future__ import annotations

from dataclasses import astuple, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.runs.rows import RunRows
from atlas.step.binding import page_of, target_of
from atlas.step.outcome import Outcome
from atlas.store import run_key
from atlas.store.keys import LINKS, OUTCOME, is_index
from atlas.store.orchestrated import ids_of
from atlas.tracking.record import outcomes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Plan
    from atlas.store import ModelVersion, Run, Store

SHORT = 16
"""Digits of a digest that the index keeps of an artifact; what is found is compared as a whole."""


@dataclass(frozen=True, slots=True)
class DataUse:
    """A data set that a run has read or written: its name, where it was, and its digest then."""

    name: str
    action: str
    uri: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RunLinks:
    """What a run is linked with.

    Attributes:
        model: ``name/version`` of the model that it used; empty for none.
        challenger: likewise of the model that scored beside it.
        registered: likewise of the version that it made.
        upstream: ``pipeline/run`` of each other run that it read.
        outputs: ``step/output`` or ``step/0001/output`` → the first digits of its sha256.
        data: what it has read and written.
        images: references of the images that its steps ran in.
        page: its orchestrator's page, or empty.
        ids: what its orchestrator calls it, by name.
    """

    run: str
    pipeline: str
    flow: str
    status: str
    plan: str
    commit: str
    created: str
    trigger: str
    target: str
    model: str
    challenger: str
    registered: str
    upstream: tuple[str, ...]
    outputs: Mapping[str, str]
    data: tuple[DataUse, ...]
    images: tuple[str, ...]
    page: str
    ids: Mapping[str, str]

    @property
    def key(self) -> str:
        """What names it: ``pipeline/run``."""
        return f"{self.pipeline}/{self.run}"

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> RunLinks:
        """Read back what `read_links` gave as a row."""
        values = dict(zip(FIELDS, row, strict=True))
        values["data"] = tuple(DataUse(*use) for use in values["data"])
        for name in ("upstream", "images"):
            values[name] = tuple(values[name])
        return cls(**values)


FIELDS = tuple(field.name for field in fields(RunLinks))


def links_of(store: Store, pipeline: str) -> list[RunLinks]:
    """Return the links of each of a pipeline's runs."""
    plans = cache(store.plan)

    def read(name: str) -> list[Any]:
        return list(astuple(readable_links(store, plans, pipeline, name)))

    rows = RunRows(store, pipeline, LINKS, FIELDS, read, by_name=True)
    return [RunLinks.from_row(row) for row in rows.rows()]


def readable_links(
    store: Store, plans: Callable[[str], Plan], pipeline: str, name: str
) -> RunLinks:
    """Read the links of a run; of one whose record can't be read, those that its steps tell of."""
    try:
        return read_links(store, plans, pipeline, name)
    except StoreError:
        outcomes = outcomes_without_plan(store, pipeline, name)
    unknown: dict[str, Any] = dict.fromkeys(FIELDS, "")
    known = {"run": name, "pipeline": pipeline, "upstream": (), "ids": {}, **_made(outcomes)}
    return RunLinks(**{**unknown, **known})


def _made(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return what the steps of a run have made and used."""
    images = {str(outcome.provenance.get("image", "")) for outcome in outcomes.values()}
    return {
        "outputs": {
            f"{unit}/{output}": str(sha256)[:SHORT]
            for unit, outcome in outcomes.items()
            for output, sha256 in outcome.outputs.items()
        },
        "data": tuple(dict.fromkeys(use for o in outcomes.values() for use in data_of(o))),
        "images": tuple(sorted(images - {""})),
    }


def read_links(store: Store, plans: Callable[[str], Plan], pipeline: str, name: str) -> RunLinks:
    """Read the links of a run from its records.

    Raises:
        StoreError: its record isn't there, or isn't what Atlas writes.
    """
    run = store.run(pipeline, name)
    ended = store.run_outcome(pipeline, name) or {}
    outcomes = outcomes_of_run(store, plans, run)
    return RunLinks(
        run=name,
        pipeline=pipeline,
        flow=run.flow,
        status=str(ended.get("status", "")),
        plan=run.plan,
        commit=run.commit,
        created=run.created,
        trigger=run.trigger,
        target=target_of(store, run),
        model=_name(run.model),
        challenger=_name(run.challenger),
        registered=f"{ended.get('model')}/{ended['version']}" if ended.get("version") else "",
        upstream=tuple(sorted(set(run.upstream.values()))),
        page=page_of(store, run),
        ids=ids_of(store.location, run),
        **_made(outcomes),
    )


def _name(version: ModelVersion | None) -> str:
    return f"{version.name}/{version.version}" if version else ""


def outcomes_of_run(store: Store, plans: Callable[[str], Plan], run: Run) -> dict[str, Outcome]:
    """Return how a run's units ended; where its Plan is gone, as far as its folder tells."""
    try:
        return outcomes_in(store, plans(run.plan), run)
    except StoreError:
        return outcomes_without_plan(store, run.pipeline, run.id, run.plan)


def outcomes_without_plan(
    store: Store, pipeline: str, name: str, plan: str = ""
) -> dict[str, Outcome]:
    """Return how the units ended whose folders a run has.

    Args:
        store: the artifact store.
        pipeline: the Plan's name.
        name: the run's id.
        plan: digest of the Plan under which they count; empty for any.
    """
    raws, folder = {}, run_key(pipeline, name)
    for step in store.location.names(folder):
        names = store.location.names(f"{folder}/{step}")
        if OUTCOME in names:
            raws[step] = store.outcome(pipeline, name, step)
        for index in map(int, filter(is_index, names)):
            raws[f"{step}/{index:04d}"] = store.outcome(pipeline, name, step, index)
    return {
        unit: Outcome.from_json(raw)
        for unit, raw in raws.items()
        if raw and plan in ("", raw.get("plan"))
    }


def outcomes_in(store: Store, plan: Plan, run: Run) -> dict[str, Outcome]:
    """Return how a run's units ended under its Plan: ``step`` or ``step/0001`` → outcome."""
    units = {step.name: step.foreach is not None for step in plan.steps}
    return {
        _unit(name, units): Outcome.from_json(raw)
        for name, raw in outcomes_of(store, plan, run)
        if raw.get("plan") == run.plan
    }


def _unit(name: str, units: Mapping[str, bool]) -> str:
    """Return a unit's folder, from the name that the tracker's records give it."""
    step, _, index = name.rpartition(".")
    return f"{step}/{int(index):04d}" if units.get(step) and name not in units else name


def data_of(outcome: Outcome) -> list[DataUse]:
    """Return what a unit has read and written; nothing of what an earlier version recorded."""
    raws = outcome.provenance.get("data")
    return [
        DataUse(str(raw["name"]), str(raw["action"]), str(raw["uri"]), str(raw["sha256"]))
        for raw in (raws if isinstance(raws, list | tuple) else ())
        if isinstance(raw, dict) and {"name", "action", "uri", "sha256"} <= raw.keys()
    ]
