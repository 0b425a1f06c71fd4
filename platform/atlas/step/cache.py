"""The cache: a step whose code, params and inputs were seen before isn't run again."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.datasets.versions import CONTENT
from atlas.http.variables import IMAGE
from atlas.step.judge import judged
from atlas.step.params import given_params
from atlas.step.predictions import stamp_digest
from atlas.step.profiling import has_profiles, profile_digest
from atlas.step.reach import reached_digest
from atlas.step.rivals import other_digest
from atlas.store.manifest import Manifest
from atlas.store.run import RETRAINING
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.plan import Plan, PlanStep
    from atlas.step.inputs import Reader
    from atlas.store import Store

VERSION = 2
"""Raised when a change to Atlas makes earlier results wrong."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a step's result depends on.

    Attributes:
        value: digest of it all.
        parts: short digests by what they are of: ``code``, ``params.trees``, ``inputs.rows``…
        refusal: why the result may not be kept; empty when it may.
    """

    value: str
    parts: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """An earlier result: its run, artifacts, metrics, what it was made with and has counted.

    Attributes:
        notes: what checks of its data have found.
    """

    run: str
    outputs: Mapping[str, Manifest]
    metrics: Mapping[str, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def key_of(
    reader: Reader, step: PlanStep, folder: Path, key: Any = None, index: int | None = None
) -> Key:
    """Return the cache key of a step, or of one key of it.

    Args:
        reader: reads the run's artifacts.
        step: the step.
        folder: its pipeline's code.
        key: the ``foreach`` key.
        index: which one that is.

    Raises:
        StepError: an input isn't there.
    """
    plan, run = reader.plan, reader.run
    parts = {"code": reached_digest(folder, step.cls.partition(":")[0], plan.code)}
    given = given_params(step, run)
    parts |= {f"params.{name}": digest(value) for name, value in given.items()}
    for name, source in reader.inputs(step).items():
        parts[f"inputs.{name}"] = reader.digest(step, name, source)
    parts["foreach"] = digest(key) if step.foreach else ""
    rival = judged(plan, run, step)
    parts |= {"champion": rival} if rival else {}
    columns, others = stamp_digest(plan, run, step), other_digest(reader, step, index)
    parts |= {"predictions": columns} if columns else {}
    parts |= {"challenger": others} if others else {}
    wanted = profile_digest(plan, run, step)
    parts |= {"statistics": wanted} if wanted else {}
    parts |= {"retraining": digest(run.id)} if run.trigger == RETRAINING else {}
    parts |= {"search": _search_digest(folder, step, plan)} if step.search else {}
    parts["interval"] = digest([run.interval_start, run.interval_end])
    rest = [plan.config, step.cls, _formats(step), step.cache, sorted(step.env.items())]
    parts["step"] = digest([VERSION, sys.version_info[:2], os.environ.get(IMAGE, ""), rest])
    short = {name: value[:16] for name, value in parts.items() if value}
    return Key(digest(parts), short, _refusal(plan, step))


def _search_digest(folder: Path, step: PlanStep, plan: Plan) -> str:
    """Return the digest of what a step does for a search, whichever round it is of."""
    part = step.search
    if part is None:
        return ""
    module = part.evaluator.partition(":")[0]
    code = reached_digest(folder, module, plan.code) if module else ""
    return digest([part.role, part.metric, part.goal, part.evaluator, part.refit, code])


def is_settled(reader: Reader, step: PlanStep, key: Key) -> bool:
    """Tell whether data whose version is their content still are what the key was made of."""
    inputs = reader.inputs(step).items()
    data = [(name, source) for name, source in inputs if source.kind == "data"]
    return all(
        key.parts.get(f"inputs.{name}") == reader.digest(step, name, source)[:16]
        for name, source in data
        if reader.plan.data[source.name].version == CONTENT
    )


def _formats(step: PlanStep) -> list[list[str]]:
    return [[name, output.format] for name, output in sorted(step.outputs.items()) if output.format]


def _refusal(plan: Plan, step: PlanStep) -> str:
    """Return why a step's result may not be kept, or nothing."""
    if step.cache is False:
        return "its cache is off"
    for source in step.sources():
        if source.kind == "data" and not plan.data[source.name].version:
            return f"data.{source.name} has no version"
    return ""


def find(store: Store, key: Key) -> Hit | None:
    """Return the result that is kept under a key, when all of it is still there."""
    try:
        raw = json.loads(store.location.read(_place(key)))
        outputs = {name: Manifest.from_json(output) for name, output in raw["outputs"].items()}
        more = [raw.get(name) or {} for name in ("provenance", "statistics")]
        notes = tuple(map(str, raw.get("notes", ())))
        hit = Hit(raw["run"], outputs, raw["metrics"], more[0], more[1], notes)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    whole = all(map(store.has, outputs.values())) and has_profiles(store, hit.statistics)
    return hit if whole else None


def keep(store: Store, key: Key, hit: Hit) -> None:
    """Keep a result under a key."""
    outputs = {name: manifest.to_json() for name, manifest in hit.outputs.items()}
    entry = {
        "run": hit.run,
        "outputs": outputs,
        "metrics": dict(hit.metrics),
        "provenance": dict(hit.provenance),
        **({"statistics": dict(hit.statistics)} if hit.statistics else {}),
        **({"notes": list(hit.notes)} if hit.notes else {}),
    }
    store.location.write(_place(key), canonical(entry).encode())


def _place(key: Key) -> str:
    return f"cache/{key.value[:2]}/{key.value}.json"


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what differs between the keys of two runs of a step, in words."""
    names = [name for name in (*now, *before) if before.get(name) != now.get(name)]
    shown = list(dict.fromkeys(names))[:3]
    return f"{', '.join(shown)} changed" if shown else "its earlier result is gone"
