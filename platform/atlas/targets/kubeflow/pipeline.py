"""A Plan as a KFP v2 pipeline: the steps' components wired by their artifacts, written as IR."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import yaml
from google.protobuf import json_format
from kfp import dsl
from kfp.dsl import structures
from kfp.dsl.graph_component import GraphComponent

from atlas.step.skipping import DECISION, RUN
from atlas.targets.kubeflow import words
from atlas.targets.kubeflow.artifacts import outputs_of
from atlas.targets.kubeflow.branches import put_behind
from atlas.targets.kubeflow.component import (
    KFP_TYPES,
    Shape,
    exit_component,
    keys_component,
    keys_read,
    skip_component,
    step_component,
    when_component,
)
from atlas.targets.kubeflow.marks import in_kfp_letters, mark, pieces, unmark
from atlas.targets.kubeflow.settings import configure, configure_beside, configure_end
from atlas.targets.protocol import deployed_name, facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.plan import InputSource, Plan, PlanStep
    from atlas.targets.protocol import Origin

_HEADER = "# Compiled by Atlas from Plan {digest}. Change the Recipe, not this file.\n"
_WIDTH = 10**6
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def compile_pipeline(
    plan: Plan,
    images: Mapping[str, str],
    templates: dict[str, Sequence[str]],
    origin: Origin,
    *,
    exit_handler: bool,
    local: bool,
) -> bytes:
    """Return the Plan as KFP's IR in YAML, with the platform's part as a second document.

    The members of a family, and folders whose steps are wired alike, differ in little that Kubeflow
    sees: one is compiled with marks in place of its name, digests, model and images, and the others
    are made from it.

    Args:
        plan: what to compile.
        images: image name → reference.
        templates: IR in pieces, by what it was compiled from; one more may be added.
        origin: what the Plan is of.
        exit_handler: whether a last task reports how the run ended.
        local: whether `kfp.local` runs it.
    """
    shape = Shape(
        plan, deployed_name(plan), plan.digest, facts(plan, origin).get("model", ""), images,
        outputs_of(plan), origin, exit_handler=exit_handler, local=local,
    )  # fmt: skip
    marked, key, values = mark(shape)
    if key not in templates:
        templates[key] = pieces(compiled(marked), key)
    return unmark(templates[key], values).encode()


def compiled(shape: Shape) -> str:
    """Return the package of a shape, as kfp's compiler makes it."""
    pipeline = _build(shape)
    documents = [json_format.MessageToDict(pipeline.pipeline_spec)]
    documents += [json_format.MessageToDict(pipeline.platform_spec)]
    text: str = yaml.dump_all(documents, Dumper=_DUMPER, sort_keys=True, width=_WIDTH)
    return _HEADER.format(digest=shape.digest) + text


def _build(shape: Shape) -> GraphComponent:
    """Build the pipeline with kfp's own DSL."""
    inputs = _inputs(shape.plan)
    waits: list[Mapping[str, Sequence[str]]] = []

    def wire(*channels: Any) -> None:
        given = dict(zip(inputs, channels, strict=True))
        wiring = _Wiring(shape, _as_step_inputs(given))
        waits.append(wiring.behind)
        with wiring.reporting() if shape.exit_handler else nullcontext():
            wiring.add_steps()

    positional = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(name, positional) for name in inputs]
    wire.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spec = structures.ComponentSpec(
        name=in_kfp_letters(shape.name),
        implementation=structures.Implementation(),
        description=describe(shape),
        inputs=inputs,
    )
    made = GraphComponent(spec, wire, display_name=shape.name)
    put_behind(made.pipeline_spec, waits[-1])
    return made


def _inputs(plan: Plan) -> dict[str, Any]:
    """Return the pipeline's inputs: the Plan's parameters, and the facts that a run may set."""
    own = {
        name: structures.InputSpec(
            KFP_TYPES[parameter.type],
            default=parameter.default,
            optional=parameter.default is not None,
            description=parameter.description or None,
        )
        for name, parameter in sorted(plan.parameters.items())
    }
    facts = {
        name: structures.InputSpec("String", default="", optional=True) for name in words.FACTS
    }
    return {**own, **facts}


def _as_step_inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pipeline's inputs under the names that the steps know them by."""
    own = {
        words.FACTS.get(name, f"{words.PARAMETER}{name}"): channel
        for name, channel in given.items()
    }
    return {**own, words.JOB: dsl.PIPELINE_JOB_ID_PLACEHOLDER}


def describe(shape: Shape) -> str:
    """Return the pipeline's description, with what it was made from."""
    known = facts(shape.plan, shape.origin) | {"plan": shape.digest}
    known |= {"model": shape.model} if "model" in known else {}
    lines = [f"{name}: {text}" for name, text in known.items()]
    return "\n".join([*filter(None, [shape.plan.description]), *lines])


class _Wiring:
    """Adds the steps of a Plan to the pipeline that is being built.

    Attributes:
        tasks: the task of each step so far.
        behind: name of a task → the tasks in whose branches are what it has to wait for.
    """

    def __init__(self, shape: Shape, run: Mapping[str, Any]) -> None:
        """Start with no task; `run` is what every step is given."""
        self.tasks: dict[str, Any] = {}
        self.behind: dict[str, list[str]] = {}
        self._skipped: dict[str, Any] = {}
        self._either: dict[tuple[str, str], Any] = {}
        self._shape = shape
        self._run = run

    def reporting(self) -> Any:
        """Return the context whose tasks are followed by the report of the run's outcome."""
        finish = exit_component(self._shape)(**self._run)
        configure_end(finish, self._shape.plan)
        return dsl.ExitHandler(finish, name="atlas-run")

    def add_steps(self) -> None:
        """Add every step, in the Plan's order."""
        for block in self._shape.blocks():
            if self._shape.is_gated(block[0].name):
                self._gated(block[0])
            else:
                self._add(block)

    def _add(self, block: Sequence[PlanStep]) -> None:
        if self._shape.loops(block[0]):
            self._each(block)
        else:
            self.tasks[block[0].name] = self._once(block[0])

    def _gated(self, step: PlanStep) -> None:
        """Add a task that tells whether the step runs, and two branches: the step, or its stead."""
        gate = self._beside(when_component(self._shape, step), step, words.when_task(step.name))
        self._wait(gate, step.upstream())
        decision = gate.outputs[DECISION]
        with dsl.If(decision == RUN, name=step.name):
            self._add([step])
        with dsl.Else(name=words.skip_task(step.name)):
            self._skipped[step.name] = self._beside(
                skip_component(self._shape, step), step, words.skip_task(step.name)
            )

    def _beside(self, component: Any, step: PlanStep, name: str) -> Any:
        """Add a task that serves a step."""
        task = component(**self._run)
        configure_beside(task, self._shape.plan, step)
        return task.set_display_name(name)

    def _wait(self, task: Any, steps: Iterable[str]) -> Any:
        """Let a task wait for steps; for what is in a branch, once the pipeline is there."""
        gated = [name for name in steps if self._shape.is_gated(name)]
        if gated:
            self.behind[task.name] = [self.tasks[name].name for name in gated]
        return task.after(*(self.tasks[name] for name in steps if name not in gated))

    def _once(self, step: PlanStep, **more: Any) -> Any:
        """Add one task for a step."""
        read = {name: self._channel(source) for name, source in self._shape.read(step).items()}
        task = step_component(self._shape, step)(**read, **self._run, **more)
        configure(task, self._shape.plan, step, local=self._shape.local)
        task.set_display_name(step.name)
        gated = self._shape.is_gated(step.name)
        return task if gated else self._wait(task, self._shape.before(step))

    def _each(self, block: Sequence[PlanStep]) -> None:
        """Add a loop over the keys of a step, or of the steps of a Recipe that runs once per key.

        KFP loops over indexes, `atlas.step` reads the keys.
        """
        step = block[0]
        group = step.foreach.group if step.foreach and len(block) > 1 else ""
        name = group or step.name
        read = {key: self._channel(source) for key, source in keys_read(step).items()}
        keys = keys_component(self._shape, step, name)(**read, **self._run)
        configure_beside(keys, self._shape.plan, step)
        keys.set_display_name(words.keys_task(name))
        with dsl.ParallelFor(keys.outputs[words.INDEXES], name=name) as index:
            for inner in block:
                self.tasks[inner.name] = self._once(inner, **{words.INDEX: index})

    def _whichever(self, source: InputSource, channel: Any) -> Any:
        """Return an output of a branch: the step's, or what stands for it."""
        place = (source.name, source.output)
        if place not in self._either:
            instead = self._skipped[source.name].outputs[source.output]
            self._either[place] = dsl.OneOf(channel, instead)
        return self._either[place]

    def _channel(self, source: InputSource) -> Any:
        """Return what an input is wired to: an output, or all keys' outputs gathered."""
        channel = self.tasks[source.name].outputs[source.output]
        if self._shape.is_gated(source.name):
            return self._whichever(source, channel)
        return dsl.Collected(channel) if self._shape.is_list(source) else channel
