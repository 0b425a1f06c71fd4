"""A pipeline run from a cell: up to the step in hand, with its outputs to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from atlas.plan import Pipeline, Plan
    from atlas.runner import RunResult
    from atlas.store import Run, Store


@dataclass(frozen=True, slots=True, repr=False)
class Ran:
    """A run that is over, and what it left behind; a notebook shows it as a drawing.

    Attributes:
        plan: what ran.
        run: what was known at its start.
        store: where its outputs are.
        metrics: step → metric → value.
        pipeline: what it is a run of.
    """

    plan: Plan
    run: Run
    store: Store
    metrics: Mapping[str, Mapping[str, float]]
    pipeline: Pipeline

    def output(self, name: str) -> Any:
        """Return an output of a step, or the data that the pipeline reads.

        Args:
            name: as a Recipe names it: ``split.train``, ``features.scale.rows``, ``data.NAME``.

        Returns:
            The value; a list in key order for a step that runs for each of many keys.

        Raises:
            AtlasError: there is no such output, or the run didn't get there.
        """
        from atlas.errors import AtlasError
        from atlas.plan import InputSource
        from atlas.recipe import Reference
        from atlas.runner.process_environment import process_environment
        from atlas.step import Reader

        try:
            asked = Reference.parse(name)
        except ValueError as error:
            raise AtlasError(f"{error}; expected step.output, such as {self._example()}") from error
        if asked.kind == "step" and asked.name not in self.plan.by_name:
            raise AtlasError(f"no step '{asked.name}'; there are {', '.join(self.plan.by_name)}")
        step = self.plan.by_name.get(asked.name, self.plan.steps[0])
        source = InputSource(asked.kind, asked.name, asked.output, asked.step)
        with process_environment(self.pipeline.project, self.pipeline.environment):
            value = Reader(self.store, self.plan, self.run).value(step, name, source)
            return value.read() if asked.kind == "data" else value

    def _example(self) -> str:
        """Return an output that there is."""
        names = (f"{step.name}.{output}" for step in self.plan.steps for output in step.outputs)
        return next(names, "load.rows")

    def __repr__(self) -> str:
        """Return the run's name and id."""
        return f"<run {self.run.id} of {self.run.pipeline}, {self.run.flow}>"


def run(
    path: str | os.PathLike[str] = ".",
    *,
    until: str = "",
    flow: str = "training",
    member: str = "",
    environment: str = "local",
    use_cache: bool = True,
    register: bool = False,
    **parameters: Any,
) -> Ran:
    """Run a pipeline here, up to a step; what ran before, unchanged, is taken from the cache.

    Args:
        path: a Recipe, a Config, or a pipeline's folder.
        until: the last step to run; everything by default.
        flow: ``training`` or ``inference``.
        member: name of the pipeline, where the path stands for several.
        environment: name of the Environment.
        use_cache: whether earlier results may be taken.
        register: whether it is a run like any other: its model is registered and may be promoted,
            MLflow hears of it, other pipelines read it. Else it stays in the sandbox; what its
            steps write to data sets is written all the same.
        **parameters: those that differ from their defaults.

    Raises:
        InvalidError: something is wrong in the documents; it carries every Problem.
        StepError: a step failed; the message has its traceback.
        AtlasError: there is no such pipeline, flow, step or parameter.
    """
    from atlas.plan import resolve
    from atlas.runner import RunSettings, Selection, run_pipelines
    from atlas.store.run import MANUAL, SANDBOX

    selection = Selection(until=(until,) if until else ())
    settings = RunSettings(
        use_cache=use_cache,
        selection=selection,
        parameters=parameters,
        trigger=MANUAL if register else SANDBOX,
    )
    pipeline = _chosen(resolve(Path(path), environment=environment), member)
    return _ran(pipeline, run_pipelines([pipeline], settings, flows=[flow]))


def _chosen(pipelines: list[Pipeline], name: str) -> Pipeline:
    """Return the one pipeline that is meant."""
    from atlas.errors import AtlasError

    matching = [pipeline for pipeline in pipelines if name in ("", pipeline.name)]
    if len(matching) != 1:
        names = ", ".join(pipeline.name for pipeline in pipelines)
        raise AtlasError(
            f"{len(matching)} pipelines are meant, expected one; give member=, of {names}"
        )
    return matching[0]


def _ran(pipeline: Pipeline, result: RunResult) -> Ran:
    """Return what became of a run, or raise why it failed."""
    from atlas.errors import AtlasError, StepError

    (run,) = result.runs
    if run.error:
        raise AtlasError(f"{run.name}: {run.error}")
    for unit, outcome in run.outcomes.items():
        if not outcome.ok:
            raise StepError(unit.step, f"{outcome.error}\n{outcome.traceback}".rstrip())
    if not result.complete:
        raise AtlasError(f"{run.name}: the run was stopped")
    metrics = {
        unit.step if unit.item is None else f"{unit.step}[{unit.item}]": outcome.metrics
        for unit, outcome in run.outcomes.items()
        if outcome.metrics
    }
    return Ran(run.plan, run.run, run.store, metrics, pipeline)
