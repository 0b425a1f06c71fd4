"""Calling a step's class: constructed with its params, run with its inputs, its outputs checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StepError
from atlas.step import code
from atlas.step.failure import one_line
from atlas.step.outputs import outputs_of
from atlas.step.params import checked_params, given_params
from atlas.step.secrets import secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanStep
    from atlas.step.job import Job
    from atlas.step.metrics import MetricsCollector
    from atlas.template import Reporter


def call(
    job: Job,
    step: PlanStep,
    inputs: Mapping[str, Any],
    metrics: MetricsCollector,
    report: Reporter | None = None,
) -> Mapping[str, Any]:
    """Run a step's class and return its outputs by name; nothing is stored.

    Args:
        job: whose run, Plan and code it is.
        step: the step, which is mostly the job's own.
        inputs: a value for each input.
        metrics: what its metrics are recorded in.
        report: what it reports to while it runs; by default nothing.

    Raises:
        StepError: the class can't be loaded, a param or an output is wrong.
    """
    cls = load(job, step)
    params = checked_params(step, cls, given_params(step, job.run))
    result = cls(context=_context(job, step, metrics, report), **params).run(**inputs)
    return outputs_of(step, cls, result)


def load(job: Job, step: PlanStep) -> type[Any]:
    """Return a step's class.

    Raises:
        StepError: it can't be loaded.
    """
    code.mount(job.plan.config, job.folder, job.plan.code)
    try:
        return code.load_class(job.plan.config, step.cls, job.plan.packages)
    except (ImportError, AttributeError) as error:
        message = f"class {step.cls} can't be loaded: {one_line(error)}"
        raise StepError(step.name, message) from error


def _context(job: Job, step: PlanStep, metrics: MetricsCollector, report: Reporter | None) -> Any:
    from atlas.template import Context

    more = {"report": report} if report else {}
    return Context(
        step=step.name,
        run=job.run.id,
        pipeline=job.run.pipeline,
        interval_start=job.run.interval_start,
        interval_end=job.run.interval_end,
        logger=job.logger,
        metric=metrics,
        secrets=secrets_of(job.plan, step),
        index=job.index,
        **more,
    )
