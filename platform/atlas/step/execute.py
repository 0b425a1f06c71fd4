"""Running one step: the only code that does, on every target."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from atlas.config import BATCH_METRICS
from atlas.errors import AtlasError, StepError, StoreError
from atlas.formats import use
from atlas.step import cache
from atlas.step.call import load
from atlas.step.data import DataHandle
from atlas.step.failure import one_line, passes_through, user_traceback
from atlas.step.inputs import Reader
from atlas.step.job import Job as Job  # noqa: PLC0414, TC001
from atlas.step.judge import score_champion
from atlas.step.metrics import MetricsCollector
from atlas.step.outcome import DONE, FAILED, Outcome
from atlas.step.predictions import stamped
from atlas.step.profiling import PROFILES, has_profiles, profiled
from atlas.step.provenance import provenance
from atlas.step.rivals import excused, idle, with_rival
from atlas.step.searching import FAILED_TRIAL, Kept, performed
from atlas.step.skipping import skipped_by
from atlas.step.statistics import counted
from atlas.step.telling import warnings_of
from atlas.step.trusting import trust_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Manifest, Run, Store


def execute(job: Job) -> Outcome:
    """Run a step and record its outcome; a failure is an outcome too.

    Raises:
        StoreError: the outcome can't be recorded.
        KeyboardInterrupt: it was interrupted; that is recorded as well.
    """
    started, clock = _now(), time.monotonic()
    try:
        outcome = idle(job) or skipped_by(job) or _attempt(job)
    except KeyboardInterrupt:
        _write(job, _timed(_failed(job, "interrupted"), started, clock))
        raise
    except SystemExit as error:
        outcome = _failed(job, f"called sys.exit({error.code!r})", error)
    except AtlasError as error:
        outcome = _failed(job, _message(job, error), _users(job, error))
    except BaseException as error:
        outcome = _failed(job, one_line(error), error)
    return record(job, _timed(outcome, started, clock))


def record(job: Job, outcome: Outcome) -> Outcome:
    """Write a step's outcome to the store, without secrets, and return it so.

    A failure of the challenger's is written as done, with a warning.
    """
    return _write(job, excused(job, outcome.masked(job.mask)))


def _write(job: Job, outcome: Outcome) -> Outcome:
    outcome = outcome.masked(job.mask)
    if not job.gone():
        job.store.write_outcome(*job.address, outcome.to_json(), job.index)
    return outcome


def recorded(store: Store, run: Run, step: str, index: int | None = None) -> Outcome | None:
    """Return the outcome that a step has in a run, under the run's own Plan; else None."""
    raw = store.outcome(run.pipeline, run.id, step, index)
    return Outcome.from_json(raw) if raw and raw.get("plan") == run.plan else None


def _attempt(job: Job) -> Outcome:
    """Take an earlier result or run the class."""
    use(job.plan.formats)
    reader = Reader(job.store, job.plan, job.run, job.index)
    item = reader.key(job.step) if job.step.foreach else None
    key = cache.key_of(reader, job.step, job.folder, item, job.index)
    hit = _of_run(job, key) if job.adopt else None
    if hit is None and job.use_cache and not key.refusal:
        hit = cache.find(job.store, key)
    outcome = _adopt(job, hit) if hit else _perform(job, reader, item, key)
    is_lasting = outcome.reason != FAILED_TRIAL
    if not hit and not (is_lasting and cache.is_settled(reader, job.step, key)):
        key = replace(key, value="")
    if BATCH_METRICS in outcome.outputs:
        from atlas.step.measuring import keep_measurements

        keep_measurements(job, outcome)
    return replace(outcome, key=key.value, parts=key.parts, attempts=job.attempt)


def _of_run(job: Job, key: cache.Key) -> cache.Hit | None:
    """Return the result that the run to be adopted has under the same key."""
    raw = job.store.outcome(job.run.pipeline, job.adopt, job.step.name, job.index)
    same = raw is not None and raw.get("status") == DONE and raw.get("key") == key.value
    return earlier_result(job, job.adopt, Outcome.from_json(raw)) if raw and same else None


def reuse(job: Job, run: str, outcome: Outcome) -> Outcome | None:
    """Make what a step has done in another run this run's, whatever has changed since.

    Returns:
        The outcome that is recorded; None when what it made isn't all there.
    """
    if outcome.is_skipped:
        return record(job, replace(outcome, plan=job.plan.digest))
    hit = earlier_result(job, run, outcome)
    if hit is None or (job.step.rival_of and not hit.outputs):
        return None
    adopted = replace(_adopt(job, hit), key=outcome.key, parts=outcome.parts)
    record(job, _timed(adopted, _now(), time.monotonic()))
    return adopted


def refuse(job: Job, message: str, seconds: float = 0.0) -> Outcome:
    """Record that a job failed before its step could run, or without its own doing.

    Args:
        job: the job.
        message: what went wrong.
        seconds: how long it had been running.
    """
    started = datetime.now(UTC) - timedelta(seconds=seconds)
    clock = time.monotonic() - seconds
    outcome = _timed(_failed(job, message), started.isoformat(timespec="milliseconds"), clock)
    return record(job, outcome)


def earlier_result(job: Job, run: str, outcome: Outcome) -> cache.Hit | None:
    """Return what a step has made in another run of the pipeline, when all of it is still there."""
    pipeline, _, step = job.address
    try:
        outputs = {
            name: job.store.manifest(pipeline, run, step, name, index=job.index)
            for name in outcome.outputs
        }
    except StoreError:
        return None
    whole = all(map(job.store.has, outputs.values()))
    whole = whole and has_profiles(job.store, outcome.statistics)
    checked = tuple(note for note in outcome.notes if note.startswith("data."))
    made = outcome.metrics, outcome.provenance, outcome.statistics, checked
    return cache.Hit(f"{pipeline}/{run}", outputs, *made) if whole else None


def _adopt(job: Job, hit: cache.Hit) -> Outcome:
    """Make an earlier result this run's."""
    for name, manifest in hit.outputs.items():
        origin = job.origin_of(is_mixed="challenger" in manifest.origin)
        job.store.refer(*job.address, name, manifest, index=job.index, origin=origin)
    digests = {name: manifest.sha256 for name, manifest in hit.outputs.items()}
    outcome = Outcome(DONE, job.plan.digest, cached=True, reason=hit.run)
    outcome = replace(outcome, metrics=hit.metrics, outputs=digests, provenance=hit.provenance)
    return replace(outcome, statistics=hit.statistics, notes=hit.notes)


def _perform(job: Job, reader: Reader, item: Any, key: cache.Key) -> Outcome:
    """Run the class, write what it returns, and keep it for later runs."""
    metrics = MetricsCollector(job.step.name)
    cls = load(job, job.step)  # What its module imports may register the formats of its inputs.
    inputs = _inputs(job, reader, item)
    done = performed(job, inputs, metrics)
    own = stamped(job, cls, done.outputs)
    profiles = profiled(job, own)
    both = with_rival(job, reader, own)
    manifests = {
        name: _put(job, name, value, is_mixed=value is not own[name])
        for name, value in both.outputs.items()
    }
    champion = score_champion(job, reader)
    rows, unkept = _put_champions(job, champion.outputs)
    manifests |= rows
    values = job.mask.plain({**metrics.values, **champion.metrics, **both.metrics})
    writes = any(isinstance(value, DataHandle) and value.written for value in inputs.values())
    reason = _reason(job, key, bool(manifests) and not writes) if done.keeps else FAILED_TRIAL
    made_with = job.mask.plain(provenance(job.store.run_digest(job.run), reader.handles))
    counts, uncounted = counted(job, both.outputs, reader.handles)
    counts = job.mask.plain({**counts, **({PROFILES: profiles.facts} if profiles.facts else {})})
    keeps = manifests and not writes and not key.refusal and not both.warning and done.keeps
    checked = [job.mask.text(note) for handle in reader.handles for note in handle.warnings]
    if keeps and cache.is_settled(reader, job.step, key):
        made = f"{job.run.pipeline}/{job.run.id}", manifests, values, made_with, counts
        cache.keep(job.store, key, cache.Hit(*made, tuple(checked)))
    digests = {name: manifest.sha256 for name, manifest in manifests.items()}
    warnings = (champion.warning, unkept, both.warning)
    notes = (
        *filter(None, warnings),
        *map(job.mask.text, done.notes),
        *checked,
        *uncounted,
        *profiles.notes,
        *warnings_of(job, manifests),
    )
    outcome = Outcome(DONE, job.plan.digest, reason=reason, metrics=values, outputs=digests)
    return replace(outcome, notes=notes, provenance=made_with, statistics=counts)


def _put(job: Job, name: str, value: Any, *, is_mixed: bool = False) -> Manifest:
    """Write one output, which may be mixed of two models' predictions.

    Raises:
        StepError: no format keeps it, or it can't be written.
    """
    if isinstance(value, Kept):
        job.store.refer(*job.address, name, value.manifest, index=job.index, origin=job.origin_of())
        return value.manifest
    declared = job.step.outputs.get(name)
    if value is None and job.step.search:
        declared = None  # Of a trial that isn't done.
    format, trust = declared.format if declared else "", trust_of(job.plan, declared)
    origin = job.origin_of(is_mixed=is_mixed)
    put = partial(job.store.put, *job.address, name, value, index=job.index, origin=origin)
    try:
        return put(format=format, trust=trust)
    except StoreError as error:
        raise StepError(job.step.name, f"output '{name}': {error}") from error.__cause__


def _put_champions(job: Job, outputs: Mapping[str, Any]) -> tuple[dict[str, Manifest], str]:
    """Write what was made for the champion; return a warning where that isn't possible.

    What the champion makes doesn't fail the step of its challenger.
    """
    try:
        return {name: _put(job, name, value) for name, value in outputs.items()}, ""
    except StepError as error:
        text = f"so only single numbers can be compared: {_message(job, error)}"
        return {}, f"the champion's rows can't be kept, {text}"


def _inputs(job: Job, reader: Reader, item: Any) -> dict[str, Any]:
    """Return a value for each input, and the key where there is one."""
    step = job.step
    inputs = {
        name: reader.value(step, name, source) for name, source in reader.inputs(step).items()
    }
    is_own = step.foreach is not None and not step.foreach.group
    return {**inputs, **(step.foreach.of(item) if step.foreach and is_own else {})}


def _reason(job: Job, key: cache.Key, keeps: bool) -> str:
    """Return why no earlier result was taken, in words."""
    if key.refusal:
        return key.refusal
    if not keeps:
        return "it has no output to keep"
    if not job.use_cache:
        return "the run doesn't use the cache"
    before = _before(job)
    return cache.changed(before, key.parts) if before else "it hasn't run before"


def _before(job: Job) -> Mapping[str, str]:
    """Return what the step's key was made of in the run before this one."""
    if not job.previous:
        return {}
    raw = job.store.outcome(job.run.pipeline, job.previous, job.step.name, job.index)
    parts: Mapping[str, str] = raw.get("parts", {}) if raw else {}
    return parts


def _failed(job: Job, error: str, cause: BaseException | None = None) -> Outcome:
    text = user_traceback(cause) if cause is not None else ""
    return Outcome(FAILED, job.plan.digest, error=error, traceback=text, attempts=job.attempt)


def _users(job: Job, error: AtlasError) -> BaseException | None:
    """Return what of an error of Atlas's, or of its cause, the user's code had a part in."""
    causes = (error.__cause__, error)
    return next((cause for cause in causes if cause and passes_through(cause, job.folder)), None)


def _message(job: Job, error: AtlasError) -> str:
    """Return what an error of Atlas's says, without the step in front."""
    return str(error).removeprefix(f"step {job.step.name}: ")


def _timed(outcome: Outcome, started: str, clock: float) -> Outcome:
    seconds = round(time.monotonic() - clock, 6)
    return replace(outcome, started=started, ended=_now(), seconds=seconds)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
