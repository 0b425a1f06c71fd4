"""Running the steps of a search: a trial, which may fail or be given up, and the best of them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StepError
from atlas.plan import Value
from atlas.search.history import DONE, FAILED, PRUNED, added, errors_of, excess, failed_of, ranked
from atlas.search.part import (
    BEST,
    BEST_PARAMS,
    EVALUATE,
    HISTORY,
    KEY,
    OWN_OUTPUTS,
    PAGE,
    RESULT,
    RESULTS,
    TRIAL,
    TRIALS,
)
from atlas.search.pruning import PrunedTrial, TrialProgress
from atlas.search.spec import SearchSpec
from atlas.step.call import call, load
from atlas.step.failure import one_line
from atlas.step.metrics import MetricsCollector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanStep
    from atlas.search.part import SearchPart
    from atlas.step.job import Job
    from atlas.store import Manifest

FAILED_TRIAL = "the trial failed"
"""Why the result of a trial is taken by no other run."""


@dataclass(frozen=True, slots=True)
class Made:
    """What running a step has made.

    Attributes:
        outputs: the outputs by name.
        keeps: whether other runs may take it.
        notes: what people are told of it.
    """

    outputs: Mapping[str, Any]
    keeps: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """An output that the run has already, which isn't written once more."""

    manifest: Manifest


def performed(job: Job, inputs: Mapping[str, Any], metrics: MetricsCollector) -> Made:
    """Run a step's class, or what it is for a search.

    Raises:
        StepError: it can't be run; of a trial, only what no other trial could do either.
    """
    part = job.step.search
    if part is None or part.role not in (TRIAL, BEST):
        return Made(call(job, job.step, inputs, metrics))
    if part.role == TRIAL:
        return _trial(job, part, inputs)
    return _best(job, part, inputs, metrics)


def _trial(job: Job, part: SearchPart, inputs: Mapping[str, Any]) -> Made:
    """Train with the params that are proposed, and measure; a failure is a result too."""
    proposal = inputs[KEY]
    trainer = with_params(_own(job.step), proposal["params"])
    evaluator = _evaluator(job.step, part)
    for step in filter(None, (trainer, evaluator)):
        load(job, step)
    progress = TrialProgress(proposal.get("bounds", {}), part.goal)
    started, clock = datetime.now(UTC), time.monotonic()
    outputs: Mapping[str, Any] = dict.fromkeys(trainer.outputs)
    result: dict[str, Any] = {"state": DONE, "value": None, "metrics": {}, "error": ""}
    try:
        outputs, result["metrics"], given = _measured(job, trainer, evaluator, inputs, progress)
        result["value"] = _value(part.metric, result["metrics"], given)
    except PrunedTrial:
        result |= {"state": PRUNED, "value": progress.reports[-1][1]}
    except (Exception, SystemExit) as error:
        if job.attempt <= job.step.retries.limit:
            raise
        message = job.mask.text(_told(error))
        job.logger.warning("the trial failed: %s", message)
        result |= {"state": FAILED, "error": message}
    if result["state"] != DONE or part.refit:
        outputs = dict.fromkeys(outputs)
    result |= {
        "params": proposal["params"],
        "metrics": job.mask.plain(result["metrics"]),
        "reports": [list(report) for report in progress.reports],
        "started": started.isoformat(timespec="milliseconds"),
        "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "seconds": round(time.monotonic() - clock, 6),
    }
    return Made({**outputs, RESULT: result}, keeps=result["state"] != FAILED)


def _measured(
    job: Job,
    trainer: PlanStep,
    evaluator: PlanStep | None,
    inputs: Mapping[str, Any],
    progress: TrialProgress,
) -> tuple[Mapping[str, Any], dict[str, float], Mapping[str, Any]]:
    """Return what training gives, the metrics, and what they may be outputs of."""
    own = {n: v for n, v in inputs.items() if not n.startswith(EVALUATE) and n != KEY}
    metrics = MetricsCollector(trainer.name)
    outputs = call(job, trainer, own, metrics, report=progress)
    if evaluator is None:
        return outputs, metrics.values, outputs
    given = {n.removeprefix(EVALUATE): v for n, v in inputs.items() if n.startswith(EVALUATE)}
    taken = _taken(load(job, evaluator), outputs)
    measured = MetricsCollector(evaluator.name)
    gives = call(job, evaluator, {**taken, **given}, measured)
    return outputs, {**metrics.values, **measured.values}, gives


def _taken(evaluator: type[Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs of training that an evaluator takes."""
    import inspect

    known = inspect.signature(evaluator.run).parameters
    return {name: value for name, value in outputs.items() if name in known}


def _value(metric: str, metrics: Mapping[str, float], outputs: Mapping[str, Any]) -> float:
    """Return the value that trials are compared by.

    Raises:
        ValueError: it wasn't given, or isn't a finite number.
    """
    table = outputs.get("metrics")
    for known in (metrics, outputs, table if isinstance(table, dict) else {}):
        if metric in known:
            collector = MetricsCollector("")
            try:
                collector(metric, known[metric])
            except StepError as error:
                raise ValueError(str(error).removeprefix("step : ")) from None
            return collector.values[metric]
    found = ", ".join(sorted(metrics)) or "none"
    raise ValueError(f"the metric '{metric}' wasn't recorded; recorded were: {found}")


def _told(error: BaseException) -> str:
    if isinstance(error, StepError):
        return str(error)
    return one_line(error)


def _own(step: PlanStep) -> PlanStep:
    """Return the step whose class is searched: without what the search adds."""
    params = {name: value for name, value in step.params.items() if not name.startswith(EVALUATE)}
    outputs = {name: one for name, one in step.outputs.items() if name not in OWN_OUTPUTS}
    return replace(step, params=params, outputs=outputs, foreach=None)


def with_params(step: PlanStep, params: Mapping[str, Any]) -> PlanStep:
    """Return a step with other params over its own."""
    given = {name: Value("value", value) for name, value in params.items()}
    return replace(step, params={**step.params, **given})


def _evaluator(step: PlanStep, part: SearchPart) -> PlanStep | None:
    if not part.evaluator:
        return None
    params = {n: value for n, value in step.params.items() if n.startswith(EVALUATE)}
    own = {name.removeprefix(EVALUATE): value for name, value in params.items()}
    return replace(step, cls=part.evaluator, params=own, outputs={}, foreach=None)


def _best(job: Job, part: SearchPart, inputs: Mapping[str, Any], metrics: MetricsCollector) -> Made:
    """Give what the best trial has made, or train once more with its params.

    Raises:
        StepError: no trial is done, or more have failed than may.
    """
    history = added(inputs[HISTORY], inputs[RESULTS])
    order = ranked(history, part.goal)
    if reason := excess(history, part.max_failed):
        raise StepError(job.step.name, reason)
    if not order:
        raise StepError(job.step.name, _none_done(history))
    best = order[0]
    if part.refit:
        own = {n: value for n, value in inputs.items() if n not in (HISTORY, RESULTS)}
        outputs = dict(call(job, with_params(_own(job.step), best["params"]), own, metrics))
        metrics(f"search_{part.metric}", best["value"])
    else:
        outputs = _kept(job, part, best)
        for name, value in {**best["metrics"], part.metric: best["value"]}.items():
            metrics(name, value)
    from atlas.search.page import page_of
    from atlas.search.table import table_of

    added_outputs = {
        BEST_PARAMS: best["params"],
        TRIALS: table_of(history),
        PAGE: page_of(part.of, history, _spec(job, part)),
    }
    return Made({**outputs, **added_outputs}, notes=_notes(history))


def _spec(job: Job, part: SearchPart) -> SearchSpec:
    """Return the search, which the step that proposes first has as a param."""
    return SearchSpec.parse(job.plan.step(f"{part.of}-propose-1").params["search"].value)


def _kept(job: Job, part: SearchPart, best: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the best trial has made, where it is."""
    step = f"{part.of}-trials-{best['round']}"
    names = [name for name in job.plan.step(step).outputs if name != RESULT]
    pipeline, run, _ = job.address
    return {
        name: Kept(job.store.manifest(pipeline, run, step, name, index=best["index"]))
        for name in names
    }


def _none_done(history: list[dict[str, Any]]) -> str:
    text = f"no trial is done: of {len(history)}, {len(failed_of(history))} failed"
    told = errors_of(history)
    return f"{text}: {told}" if told else text


def _notes(history: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return what a run's end says of a search: which trials failed."""
    failed = failed_of(history)
    if not failed:
        return ()
    return (f"{len(failed)} of {len(history)} trials failed; the first: {failed[0]['error']}",)
