"""A pipeline on a test's bench: one step, or all of it, on small data and away from everything.

    def test_training_learns(bench):
        ran = bench.run(data={"tumours": small_frame})
        assert ran.metrics["evaluate.roc_auc"] > 0.9
        assert len(ran.output("split.train")) == 30

    def test_the_split(bench):
        ran = bench.step("split", rows=small_frame, params={"fraction": 0.5})
        assert len(ran.output("test")) == len(ran.output("train"))

Artifacts are written and read as in any run, so a value that no format keeps fails here already.
Nothing of the project's data, store, models or servers is touched.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StepError
from atlas.http.variables import VARIABLES
from atlas.load.words import nearest
from atlas.plan import InputSource, Output, PlanData, PlanStep, Value
from atlas.runner import THREADS, RunSettings, Selection
from atlas.runner.local_run import LocalRun
from atlas.runner.run import run_all
from atlas.step import Job, Outcome, Reader, RunRequest, bind, execute
from atlas.step.opening import open_data
from atlas.store import ModelPart, Run, Store, artifact_key, open_store
from atlas.uris import uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from atlas.plan import Pipeline, Plan

_GIVEN = "given"
"""Name of the step that a tested step's inputs come from."""
_FORMATS = {"DataFrame": "parquet", "bytes": "bytes"}


@dataclass(frozen=True)
class Trial:
    """What a step or a pipeline did in a test.

    Attributes:
        plan: what ran.
        run: the run.
        store: where its artifacts are.
        metrics: ``metric`` → value for a single step, ``step.metric`` → value for a pipeline.
        step: the only step that ran, or empty.
    """

    plan: Plan
    run: Run
    store: Store
    metrics: Mapping[str, float]
    step: str = ""

    def output(self, name: str) -> Any:
        """Return an output: by its name for a single step, else as ``step.output``.

        Returns:
            The value, read back from where it was stored; a list for a step with keys.

        Raises:
            StepError: there is no such output.
        """
        full = name if not self.step or name.startswith(f"{self.step}.") else f"{self.step}.{name}"
        step, _, output = full.rpartition(".")
        if step not in self.plan.by_name:
            raise StepError(step or name, f"isn't there; there are {', '.join(self.plan.by_name)}")
        known = self._outputs(step)
        if known is not None and output not in known:
            hint = f" ({near})" if (near := nearest(output, known)) else ""
            there = f"there are {', '.join(known)}" if known else "it has none"
            raise StepError(step, f"has no output '{output}'{hint}; {there}")
        reader = Reader(self.store, self.plan, self.run)
        return reader.value(self.plan.step(step), output, InputSource("step", step, output))

    def _outputs(self, step: str) -> list[str] | None:
        """Return the names of the outputs that a step has written; None when it hasn't run."""
        index = None if self.plan.step(step).foreach is None else 0
        raw = self.store.outcome(self.run.pipeline, self.run.id, step, index)
        return sorted(raw["outputs"]) if raw else None

    def data(self, name: str) -> Any:
        """Return what was written to a data set of the Config.

        Raises:
            StepError: nothing was.
        """
        declared = self.plan.data[name]
        return open_data(declared, name, self.step, self.run.interval_start, self.store.url).read()


@dataclass(frozen=True)
class Bench:
    """One pipeline, and a folder for what it leaves behind.

    Attributes:
        pipeline: the pipeline.
        folder: an empty folder of the test.
    """

    pipeline: Pipeline
    folder: Path

    @property
    def store(self) -> Store:
        """The artifact store of this bench."""
        return open_store(uri_of(self.folder / "store"))

    def run(
        self,
        *,
        flow: str = "",
        data: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        until: str = "",
        interval: tuple[str, str] = ("", ""),
    ) -> Trial:
        """Run a flow of the pipeline.

        Args:
            flow: ``training`` or ``inference``; by default the one there is, or training.
            data: the Config's data sets → their content; one that isn't given is empty.
            model: parts of the model → their values; by default what an earlier run in this bench
                has trained.
            parameters: those that differ from their defaults.
            until: the last step to run; by default all of them run.
            interval: the run's start and end, ISO 8601.

        Raises:
            StepError: a step failed; the message has its traceback.
            AtlasError: the run can't begin.
        """
        plan = self._with_data(self._plan(flow), data or {})
        settings = RunSettings(
            isolate=THREADS,
            use_cache=False,
            parameters=parameters or {},
            selection=Selection(until=(until,) if until else ()),
            interval_start=interval[0],
            interval_end=interval[1],
        )
        with self._alone():
            if model is not None:
                self._register(plan, model)
            run = LocalRun(plan, self.pipeline.folder, self.store, settings)
            run_all([run], settings)
        if run.error:
            raise AtlasError(f"{run.name}: {run.error}")
        for unit, outcome in run.outcomes.items():
            _check(unit.step, outcome)
        metrics = {
            f"{unit.step}.{name}": value
            for unit, outcome in run.outcomes.items()
            for name, value in outcome.metrics.items()
        }
        return Trial(plan, run.run, self.store, metrics)

    def step(
        self,
        name: str,
        /,
        *,
        flow: str = "",
        params: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        interval: tuple[str, str] = ("", ""),
        **inputs: Any,
    ) -> Trial:
        """Run one step of the pipeline with the params that it has there.

        Args:
            name: the step's full name, such as ``features.scale``.
            flow: the flow that it is in; by default the first that has it.
            params: those that are to differ.
            parameters: the run's parameters that differ from their defaults.
            interval: the run's start and end, ISO 8601.
            **inputs: a value for each input; for a data set, its content. The key, for a step with
                keys.

        Raises:
            StepError: the step failed; the message has its traceback.
        """
        plan = self._alone_plan(self._plan(flow, name), name, params or {}, inputs)
        with self._alone():
            given = RunRequest("test", interval[0], interval[1], parameters or {})
            run = bind(self.store, plan, given)
            for key, value in inputs.items():
                if plan.step(name).inputs[key].kind == "step":
                    self.store.put(run.pipeline, run.id, _GIVEN, key, value)
            job = Job(self.store, plan, run, plan.step(name), self.pipeline.folder, use_cache=False)
            outcome = execute(job)
        _check(name, outcome)
        return Trial(plan, run, self.store, outcome.metrics, name)

    def _plan(self, flow: str, step: str = "") -> Plan:
        plans = self.pipeline.plans
        of_flow = [plan for key, plan in plans.items() if not flow or key == flow]
        chosen = next((plan for plan in of_flow if not step or step in plan.by_name), None)
        if chosen is None:
            has = f"a step '{step}'" if step else f"a flow '{flow}'"
            known = sorted({name for plan in of_flow for name in plan.by_name}) if step else plans
            message = f"{self.pipeline.name} doesn't have {has}; it has {', '.join(known)}"
            raise AtlasError(message)
        return chosen

    def _with_data(self, plan: Plan, content: Mapping[str, Any]) -> Plan:
        """Return the Plan with its data in the bench's store."""
        unknown = sorted(set(content) - set(plan.data))
        if unknown:
            known = ", ".join(plan.data) or "none"
            raise AtlasError(f"data.{unknown[0]}: {plan.name} has no such data; it has {known}")
        data = {
            name: _placed(declared, name, content.get(name)) for name, declared in plan.data.items()
        }
        for name, value in content.items():
            open_data(data[name], name, _GIVEN, "", self.store.url).write(value)
        return replace(plan, data=data)

    def _alone_plan(
        self, plan: Plan, name: str, params: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> Plan:
        """Return a Plan of one step, whose inputs are given."""
        step = plan.step(name)
        sources = {key: source for key, source in step.inputs.items() if key in inputs}
        read = {key: source for key, source in sources.items() if source.kind == "data"}
        data = {source.name: inputs[key] for key, source in read.items()}
        given = {key: InputSource("step", _GIVEN, key) for key in inputs if key not in sources}
        given |= {
            key: source if source.kind == "data" else InputSource("step", _GIVEN, key)
            for key, source in sources.items()
        }
        own = {**step.params, **{key: Value("value", value) for key, value in params.items()}}
        isolated = replace(step, inputs=given, params=own, foreach=None, after=(), timeout=None)
        outputs = {key: Output() for key, source in given.items() if source.kind == "step"}
        before = PlanStep(_GIVEN, "steps:Given", outputs=outputs)
        return self._with_data(replace(plan, steps=(before, isolated), model=None), data)

    def _register(self, plan: Plan, model: Mapping[str, Any]) -> None:
        """Make values the champion that the run will use."""
        from atlas.tracking.registry import CHAMPION, LocalRegistry, ModelRegistration

        if plan.model is None:
            raise AtlasError(f"{plan.name}: has no model to give parts of")
        parts = {}
        run = f"model-{len(self.store.location.names('given'))}"
        for name, value in model.items():
            manifest = self.store.put(_GIVEN, run, "model", name, value)
            key = artifact_key(_GIVEN, run, "model", name, None)
            parts[name] = ModelPart(f"{self.store.url}/{key}", manifest.sha256, manifest.digest)
        registry = LocalRegistry(self.store)
        version = registry.register(ModelRegistration(plan.model.name, run, parts))
        registry.set_alias(plan.model.name, CHAMPION, version)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hide the platform, and keep state in the bench's folder."""
        before = {name: os.environ.pop(name) for name in list(os.environ) if name in _PLATFORM}
        os.environ["ATLAS_STATE"] = str(self.folder)
        try:
            yield
        finally:
            os.environ.pop("ATLAS_STATE", None)
            os.environ.update(before)


_PLATFORM = ("ATLAS_STATE", *VARIABLES)


def _placed(declared: PlanData, name: str, value: Any) -> PlanData:
    """Return where a data set is in the bench's store."""
    if value is None:
        # Perhaps it is written: a folder, as a sink's data mostly are.
        return replace(declared, uri=f"store:data/{name}/", credential="", version="")
    names = [kind.__name__ for kind in type(value).__mro__]
    format = next((_FORMATS[name] for name in names if name in _FORMATS), "json")
    uri = f"store:data/{name}.{format}"
    return replace(declared, uri=uri, format=format, credential="", version="")


def _check(step: str, outcome: Outcome) -> None:
    if not outcome.ok:
        raise StepError(step, f"{outcome.error}\n{outcome.traceback}".rstrip())
