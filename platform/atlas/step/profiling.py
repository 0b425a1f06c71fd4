"""What a step learns of a table at training, and measures beside it at inference.

A training run's step makes the profile of a table that the Config's ``statistics`` names, and what
else is learnt of it; when the version is registered, both tables become its reference. A run of
inference has the reference's digest with its model. Its steps measure their tables beside it, and
check what training's data promise. All of it is in the step's outcome by digest, so that a result
of the cache brings it along, and is the same on every target.

Whatever can't be measured fails no step: it is left out, with a note. A breach fails the step where
the Config's ``quality`` says so: before its outputs are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import StepError, StoreError
from atlas.formats.stamping import column_names, library_of
from atlas.step.failure import one_line
from atlas.step.history import NOT_COUNTED
from atlas.step.statistics import wanted_of
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from atlas.monitor.breach import Breach
    from atlas.monitor.references import ModelReference
    from atlas.plan import Plan, PlanStep
    from atlas.profiles.profile import Profile
    from atlas.step.job import Job
    from atlas.store import Run, Store

PROFILES = "profiles"
"""Key of an outcome's statistics: table → its profile's digest, and what else is known of it."""


@dataclass(frozen=True, slots=True)
class Profiled:
    """What a step has measured.

    Attributes:
        facts: table → what goes into the step's outcome.
        notes: what couldn't be measured, in words.
    """

    facts: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...] = ()


def profile_digest(plan: Plan, run: Run, step: PlanStep) -> str:
    """Return a digest of what a step's profiles depend on besides its result; or nothing."""
    wanted = wanted_of(plan, step)
    if not wanted:
        return ""
    reference = run.model.reference if run.model else ""
    return digest([wanted, PROFILES, reference, plan.quality, is_profiled(run)])


def is_profiled(run: Run) -> bool:
    """Tell whether a run's tables are profiled: of training, and of batches that a model scores."""
    return run.flow == "training" or (run.model is not None and run.trigger not in NOT_COUNTED)


def named_profiles(statistics: Mapping[str, Any]) -> Iterator[str]:
    """Give the digests of the profiles that an outcome's statistics name."""
    profiles = statistics.get(PROFILES)
    for facts in profiles.values() if isinstance(profiles, dict) else ():
        if isinstance(facts, dict) and isinstance(facts.get("profile"), str):
            yield facts["profile"]


def has_profiles(store: Store, statistics: Mapping[str, Any]) -> bool:
    """Tell whether the profiles that an outcome's statistics name are all there."""
    named = [*named_profiles(statistics)]
    if not named:
        return True
    from atlas.monitor.references import has_profile

    try:
        return all(has_profile(store, sha256) for sha256 in named)
    except StoreError:
        return False


def profiled(job: Job, outputs: Mapping[str, Any]) -> Profiled:
    """Learn from a step's tables, or measure them beside what was learnt.

    Args:
        job: the step's.
        outputs: what it returns for the model itself, by name; nothing of it is written yet.

    Raises:
        StepError: a table breaks what training's data promise, and ``quality`` says ``fail``.
        StoreError: the profiles can't be written.
    """
    wanted = wanted_of(job.plan, job.step)
    if not wanted or not is_profiled(job.run):
        return Profiled({})
    try:
        measure = _learnt if job.run.flow == "training" else _Beside(job).measured
    except StoreError as error:
        return Profiled({}, (f"statistics: the batch can't be compared: {error}",))
    facts: dict[str, Mapping[str, Any]] = {}
    notes = [*_unchecked(job)]
    for table, spec in wanted.items():
        value = outputs.get(spec["output"])
        if not library_of(value):
            continue  # `atlas.step.statistics` says so.
        try:
            facts[table], said = measure(job, table, spec, value)
            notes += said
        except StoreError:
            raise
        except Exception as error:
            notes.append(f"statistics.{table}: can't be profiled: {one_line(error)}")
    _refuse(job, facts)
    return Profiled({table: of for table, of in facts.items() if of}, tuple(notes))


def _unchecked(job: Job) -> Iterator[str]:
    """Say that nothing is checked, where the Config asks for it."""
    model = job.run.model
    if job.plan.quality and model is not None and not model.reference:
        text = f"model {model.name}, version {model.version}: was registered without statistics"
        yield f"quality: nothing is checked: {text}; {command('run', '--flow', 'training')} learns"


_Measured = tuple[dict[str, Any], list[str]]
"""What goes into the outcome, and notes."""


def _learnt(job: Job, table: str, spec: Mapping[str, Any], value: Any) -> _Measured:
    """Learn of a table at training."""
    if job.plan.model is None:
        return {}, []
    from dataclasses import replace

    from atlas.monitor.learning import WhatToLearn, learn
    from atlas.monitor.references import keep_profile

    times = sorted({data.time for data in job.plan.data.values() if data.time})
    what = WhatToLearn(
        f"{spec['step']}.{spec['output']}",
        tuple(spec["columns"]),
        (spec["time"],) if spec.get("time") else tuple(times),
        every=spec.get("every", 0.0),
        **{name: spec[name] for name in ("score", "label", "positive") if name in spec},
    )
    profile, learnt, notes = learn(value, what)
    sha256 = keep_profile(job.store, profile)
    shown = [f"statistics.{table}: {note}" for note in notes]
    return replace(learnt, profile=sha256).to_json(), shown


class _Beside:
    """Measures tables beside the reference of the run's model."""

    def __init__(self, job: Job) -> None:
        self.reference = reference_of(job.store, job.plan, job.run)

    def measured(self, job: Job, table: str, spec: Mapping[str, Any], value: Any) -> _Measured:
        """Measure one table, and check what training's data promise of it."""
        known = self.reference
        beside = known.profiles.get(table) if known is not None else None
        if known is None or beside is None:
            return {"rows": len(value)}, []
        from atlas.monitor.references import keep_profile
        from atlas.monitor.tables import TableColumns
        from atlas.profiles.measure import batch

        profile = batch(TableColumns(value, spec["columns"]), beside)
        sha256 = keep_profile(job.store, profile, known.tables[table].profile)
        facts = {"profile": sha256, "rows": len(value), "reference": known.sha256}
        if job.step.foreach:  # One key's rows promise nothing: all keys are checked together.
            return facts, []
        names = [str(name) for name in column_names(value)]
        return {
            **facts,
            **checked(job.plan, known, table, profile, rows=len(value), columns=names),
        }, []


def checked(
    plan: Plan,
    known: ModelReference,
    table: str,
    profile: Profile,
    *,
    rows: int,
    columns: Collection[str] = (),
) -> dict[str, Any]:
    """Return the breaches of a table, as an outcome has them; nothing without one."""
    from atlas.monitor.quality import breaches
    from atlas.monitor.quality_rule import QualityRule

    rule, beside = QualityRule.parse(plan.quality), (known.profiles[table], known.tables[table])
    found = breaches(table, profile, beside, rule, rows=rows, columns=columns)
    return {"breaches": [breach.to_json() for breach in found]} if found else {}


def reference_of(store: Store, plan: Plan, run: Run) -> ModelReference | None:
    """Return what the model of a run was trained on; None where that isn't known.

    It is taken into the run's own store, where it is in another one that the Environment names.

    Raises:
        StoreError: the version has a reference, and it is in none of the stores, or was altered.
    """
    sha256 = run.model.reference if run.model else ""
    if not sha256:
        return None
    from atlas.monitor.references import copy_reference, has_reference, load_reference
    from atlas.store import open_store

    if not has_reference(store, sha256):
        for url in plan.stores:
            other = open_store(url)
            if has_reference(other, sha256):
                copy_reference(other, store, sha256)
                break
    return load_reference(store, sha256)


def _refuse(job: Job, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Fail a step whose tables break what training's data promise, where the Config says so.

    What was found is recorded first.
    """
    found = [*breaches_in(facts)]
    if not found or job.plan.quality.get("on_breach") != "fail":
        return
    from atlas.monitor.batches import BatchRecord, refuse_batch
    from atlas.monitor.quality import sentences

    named = {table: of["profile"] for table, of in facts.items() if "profile" in of}
    record = BatchRecord.of(job.run, rows=rows_of(facts), profiles=named, breaches=tuple(found))
    refuse_batch(job.store, record)
    hint = 'mend the data and run it again, or say "on_breach": "warn" in the Config\'s quality'
    text = "; ".join(sentences(found, 5))
    message = f"the batch breaks what the training data promise: {text} ({hint})"
    raise StepError(job.step.name, message)


def rows_of(facts: Mapping[str, Mapping[str, Any]]) -> int:
    """Return how many rows a batch has: of the features, else of the predictions."""
    return next((int(facts[table]["rows"]) for table in sorted(facts) if "rows" in facts[table]), 0)


def breaches_in(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[Breach]:
    """Give the breaches that a step has found in its tables."""
    from atlas.monitor.breach import Breach

    for of in facts.values():
        yield from map(Breach.from_json, of.get("breaches", ()))
