"""Scoring the champion on the test set of its challenger.

A step that records a metric of the Config's promotion rule runs twice: once with the model that
its run has trained, and once with the champion's parts in their place, on the same rows. Steps
between (one that scales rows by a part, say) run again for the champion, in memory. Its values are
recorded beside the challenger's, as ``champion.<metric>``, and so is its output ``row_metrics``,
for a paired test.
"""

from __future__ import annotations

import inspect
from copy import deepcopy
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas.config import ROW_METRICS
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StepError
from atlas.graph import descendants
from atlas.models.findings import champions
from atlas.plan.parts import InputSource
from atlas.step.call import call, load
from atlas.step.data import DataHandle
from atlas.step.failure import one_line
from atlas.step.metrics import MetricsCollector
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.step.inputs import Reader
    from atlas.step.job import Job
    from atlas.store import Run


def judged(plan: Plan, run: Run, step: PlanStep) -> str:
    """Return a digest of the champion that a step has to score too; of any other step, nothing.

    A step that trains and records how well that went has no other model to score.
    """
    rule = run.rule(plan)
    judges = {metric.step for metric in rule.metrics} if rule else set()
    makes = plan.model is not None and any(
        output.rpartition(".")[0] == step.name for output in plan.model.parts.values()
    )
    if run.champion is None or step.name not in judges or makes or step.foreach is not None:
        return ""
    return digest({name: part.identity for name, part in run.champion.parts.items()})


class Score(NamedTuple):
    """What the champion has reached.

    Attributes:
        metrics: ``champion.<metric>`` → value.
        outputs: ``champion.row_metrics`` → its rows, where the step gives them.
        warning: why it has no score.
    """

    metrics: Mapping[str, float] = {}
    outputs: Mapping[str, Any] = {}
    warning: str = ""


def score_champion(job: Job, reader: Reader) -> Score:
    """Run the job's step with the champion's parts, where that is asked for.

    Whatever goes wrong is the champion's affair: it doesn't fail the step.
    """
    rule = job.run.rule(job.plan)
    if rule is None or not judged(job.plan, job.run, job.step):
        return Score()
    metrics = MetricsCollector(job.step.name)
    try:
        outputs = _Again(job, reader).outputs(job.step, metrics)
    except AtlasError as error:
        return Score(warning=f"{_UNABLE}: {error}")
    except Exception as error:
        return Score(warning=f"{_UNABLE}: {one_line(error)}")
    names = [metric.name for metric in rule.metrics if metric.step == job.step.name]
    missing = [name for name in names if name not in metrics.values]
    if missing:
        text = f"step {job.step.name} records no metric '{missing[0]}' for it"
        return Score(warning=f"{_UNABLE}: {text}")
    rows = {champions(ROW_METRICS): outputs[ROW_METRICS]} if ROW_METRICS in outputs else {}
    return Score({champions(name): metrics.values[name] for name in names}, rows)


_UNABLE = "the champion can't be scored on this test set"


@dataclass(frozen=True)
class _Again:
    """Steps of a run, once more, with the champion's parts in place of those that it has made.

    Attributes:
        job: the step that scores.
        reader: reads what the run has made.
    """

    job: Job
    reader: Reader
    _made: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """The training outputs that are parts of the model → the parts' names."""
        model = self.job.plan.model
        return {output: part for part, output in model.parts.items()} if model else {}

    @cached_property
    def _changed(self) -> set[str]:
        """The steps whose results depend on the model."""
        makers = {output.rpartition(".")[0] for output in self.parts}
        edges = {step.name: step.upstream() for step in self.job.plan.steps}
        return makers | descendants(edges, makers)

    def outputs(self, step: PlanStep, metrics: MetricsCollector) -> Mapping[str, Any]:
        """Run a step and return its outputs.

        Raises:
            StepError: it can't run for another model than its run's.
        """
        if step.foreach is not None:
            raise StepError(step.name, "runs once per key")
        given = self.reader.inputs(step).items()
        inputs = {name: self._value(step, name, source) for name, source in given}
        if any(isinstance(value, DataHandle) for value in inputs.values()):
            raise StepError(step.name, "is given data from outside, which it might write")
        return call(self.job, step, {**inputs, **self._own_parts(step)}, metrics)

    def _own_parts(self, step: PlanStep) -> Mapping[str, Any]:
        """Return the champion's parts for a step that makes them itself, unless it is given them.

        Raises:
            StepError: it has no input for one.
        """
        own = [part for part in self.parts if part.rpartition(".")[0] == step.name]
        names = {part: part.rpartition(".")[2] for part in own}
        takes = inspect.signature(load(self.job, step).run).parameters if own else ()
        missing = [part for part in own if names[part] not in takes]
        if missing:
            part = self.parts[missing[0]]
            message = f"makes the part '{part}', and has no input '{names[missing[0]]}' to take it"
            raise StepError(step.name, message)
        return {names[part]: self._part(step, self.parts[part]) for part in own}

    def _value(self, step: PlanStep, name: str, source: InputSource) -> Any:
        if source.kind == "step" and f"{source.name}.{source.output}" in self.parts:
            return self._part(step, self.parts[f"{source.name}.{source.output}"])
        if source.kind == "step" and source.name in self._changed:
            return self._output(source)
        return self.reader.value(step, name, source)

    def _output(self, source: InputSource) -> Any:
        if source.name not in self._made:
            step = self.job.plan.step(source.name)
            self._made[source.name] = self.outputs(step, MetricsCollector(step.name))
        return deepcopy(self._made[source.name][source.output])

    def _part(self, step: PlanStep, part: str) -> Any:
        """Return the champion's part of a name.

        Raises:
            StepError: the champion doesn't have it, or it can't be read.
        """
        champion = self.job.run.champion
        if champion is None or part not in champion.parts:
            raise StepError(step.name, f"the champion has no part '{part}'")
        reader = replace(self.reader, run=replace(self.job.run, model=champion))
        return reader.value(step, part, InputSource("model", part))
