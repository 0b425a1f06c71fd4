"""Other pipelines that a run reads: which of their runs, decided once at its start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.step.history import history_runs
from atlas.store import run_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.plan import InputSource, Plan
    from atlas.store import Run, Store

FLOWS = ("training", "inference")


def upstream_runs(store: Store, plan: Plan, reader: Run) -> dict[str, str]:
    """Return which run of each other pipeline, and which earlier runs, a new run reads.

    Args:
        store: the artifact store.
        plan: the new run's Plan.
        reader: the new run, as far as it is known.

    Returns:
        ``pipeline:NAME/step``, ``family:NAME/step/MEMBER`` or ``history:NAME/step/RUN`` →
        ``pipeline/run``.

    Raises:
        StoreError: one has no successful run.
    """
    sources = [s for step in plan.steps for s in step.sources() if s.kind in _FINDERS]
    found = {
        key: run for source in sources for key, run in _FINDERS[source.kind](store, plan, source)
    }
    for source in (s for step in plan.steps for s in step.sources() if s.kind == "history"):
        found |= history_runs(store, f"{prefix_of(plan)}{source.name}", source, reader)
    return found


def latest(store: Store, pipeline: str, step: str) -> str:
    """Return ``pipeline/run`` of the latest successful run that has a step, or nothing."""
    for flow in FLOWS:
        key = latest_key(pipeline, flow)
        try:
            pointer = json.loads(store.location.read(key))
            run = (
                pointer["run"] if step in pointer["steps"] else pointer.get("earlier", {}).get(step)
            )
            if run:
                return f"{pipeline}/{run_key(pipeline, run).rpartition('/')[2]}"
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError):
            hint = "remove it, and run that pipeline again"
            raise StoreError(f"{store.url}/{key}: points at no run; {hint}") from None
    return ""


def earlier_runs(store: Store, pipeline: str, flow: str, steps: Iterable[str]) -> dict[str, str]:
    """Return, of steps that a new run has skipped, the id of the latest run that has each.

    Args:
        store: the artifact store.
        pipeline: the pipeline's name.
        flow: the run's flow.
        steps: the steps.
    """
    names = [*steps]
    try:
        pointer = json.loads(store.location.read(latest_key(pipeline, flow))) if names else {}
        before = {**pointer.get("earlier", {}), **dict.fromkeys(pointer["steps"], pointer["run"])}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: before[name] for name in sorted(names) if name in before}


def latest_key(pipeline: str, flow: str) -> str:
    """Return where the store points at a pipeline's latest successful run of a flow."""
    return f"{pipeline}/latest-{flow}.json"


def prefix_of(plan: Plan) -> str:
    """Return the Environment's prefix, which other pipelines of it have too."""
    return plan.name.removesuffix(plan.pipeline)


def _of_pipeline(store: Store, plan: Plan, source: InputSource) -> Iterator[tuple[str, str]]:
    name = f"{prefix_of(plan)}{source.name}"
    run_path = latest(store, name, source.step)
    if not run_path:
        message = f"pipeline:{source.name}: has no successful run with a step '{source.step}'"
        raise StoreError(f"{message}; run it first")
    yield f"pipeline:{source.name}/{source.step}", run_path


def _of_family(store: Store, plan: Plan, source: InputSource) -> Iterator[tuple[str, str]]:
    """Find every member that has run: those of which the Plan says that they are of the family."""
    start = f"{prefix_of(plan)}{source.name}-"
    count = 0
    for name in store.pipelines():
        pointed = latest(store, name, source.step) if name.startswith(start) else ""
        member = _member(store, pointed, source.name) if pointed else ""
        if member:
            count += 1
            yield f"family:{source.name}/{source.step}/{member}", pointed
    if not count:
        message = f"family:{source.name}: no member has a successful run"
        raise StoreError(f"{message} with a step '{source.step}'; run them first")


def _member(store: Store, pointed: str, family: str) -> str:
    """Return the axis values of the member that a run is of, when it is of the family."""
    pipeline, _, run = pointed.partition("/")
    plan = store.plan(store.run(pipeline, run).plan)
    return "-".join(plan.axes.values()) if plan.config == family and plan.axes else ""


_FINDERS = {"pipeline": _of_pipeline, "family": _of_family}
