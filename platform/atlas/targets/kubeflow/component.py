"""One step as a KFP container component, built as data: no function of the user's is involved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kfp.dsl import structures
from kfp.dsl.container_component_class import ContainerComponent
from kfp.dsl.types import artifact_types, type_utils

from atlas.dataclass import dataclass
from atlas.http.variables import IMAGE
from atlas.plan.blocks import blocks
from atlas.step.skipping import DECISION
from atlas.targets.kubeflow import words
from atlas.targets.protocol import NOWHERE, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import InputSource, Plan, PlanStep

KFP_TYPES: Mapping[str, str] = {
    "string": "String", "integer": "Integer", "number": "Float", "boolean": "Boolean",
}  # fmt: skip
"""Type of a Recipe's parameter → KFP's."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the components of one Plan share.

    Attributes:
        plan: the Plan.
        name: the deployed name.
        digest: the Plan's.
        model: what stands for the URI of the model, where there is one.
        images: image name → reference.
        outputs: step → output → KFP artifact class.
        origin: what the Plan is of.
        exit_handler: whether a last task, and no step, records how the run ended.
        local: whether `kfp.local` runs it, which neither loops nor tries again.
    """

    plan: Plan
    name: str
    digest: str
    model: str
    images: Mapping[str, str]
    outputs: Mapping[str, Mapping[str, str]]
    origin: Origin = NOWHERE
    exit_handler: bool = False
    local: bool = False

    def loops(self, step: PlanStep) -> bool:
        """Tell whether KFP loops over the step's keys; else one container runs them all."""
        return step.foreach is not None and not self.local

    def is_list(self, source: InputSource) -> bool:
        """Tell whether a source is gathered: an output of a step that runs once per key."""
        return self.plan.step(source.name).foreach is not None and not source.same_key

    def blocks(self) -> list[tuple[PlanStep, ...]]:
        """Return the steps, those that loop together as one; `kfp.local` doesn't loop."""
        return [(step,) for step in self.plan.steps] if self.local else blocks(self.plan)

    def is_in_block(self, step: PlanStep) -> bool:
        """Tell whether a step loops together with others."""
        is_together = step.foreach is not None and bool(step.foreach.group)
        return is_together and any(step in block for block in self.blocks() if len(block) > 1)

    def read(self, step: PlanStep) -> dict[str, InputSource]:
        """Return the inputs that are wired as artifacts: name → source, by name."""
        items = [item for item in sorted(step.inputs.items()) if item[1].kind == "step"]
        return {name: source for name, source in items if not self.is_only_order(step, source)}

    def is_gated(self, name: str) -> bool:
        """Tell whether a task before a step says if it runs; else its own container finds out."""
        return name in self.plan.skippable and not self.local

    def is_only_order(self, step: PlanStep, source: InputSource) -> bool:
        """Tell whether an input can only be an order.

        KFP gathers nothing into another loop, nor into a branch or out of it.
        """
        if source.kind != "step":
            return False
        if source.same_key:
            return not self.is_in_block(step)
        if not self.is_list(source):
            return False
        branches = self.is_gated(source.name) or self.is_gated(step.name)
        return step.foreach is not None or self.local or branches

    def before(self, step: PlanStep) -> list[str]:
        """Return the steps that must be over first, and that no artifact puts there."""
        order = [s.name for s in step.inputs.values() if self.is_only_order(step, s)]
        order += [one.name for source in step.inputs.values() for one in source.options]
        keys = step.foreach.sources() if step.foreach and not self.loops(step) else ()
        counted = [source.name for source in keys if source.kind == "step"]
        compared = [source.name for source in step.when.sources()] if step.when else []
        return list(dict.fromkeys((*order, *counted, *compared, *step.after)))


def step_component(shape: Shape, step: PlanStep) -> ContainerComponent:
    """Return the component that runs a step, or one key of it."""
    index = {words.INDEX: structures.InputSpec("Integer")} if shape.loops(step) else {}
    inputs = {**_artifact_inputs(shape, shape.read(step)), **_run_inputs(shape.plan), **index}
    made = {} if shape.local and step.foreach else shape.outputs[step.name]
    outputs = {name: structures.OutputSpec(_artifact(kind)) for name, kind in made.items()}
    name = words.task_name(step.name)
    return _component(shape, step, name, inputs, outputs, *_step_flags(shape, step))


def _step_flags(shape: Shape, step: PlanStep) -> list[str]:
    """Return what the step itself has to do, for KFP doesn't."""
    flags = {
        "--no-finish": shape.exit_handler,
        "--retry": shape.local,
        "--each": shape.local and step.foreach is not None,
    }
    return [flag for flag, is_needed in flags.items() if is_needed]


def keys_read(step: PlanStep) -> dict[str, InputSource]:
    """Return what the task that counts a step's keys reads of other steps."""
    axes = step.foreach.axes if step.foreach else ()
    names = ["keys"] if len(axes) == 1 else [f"keys_{axis}" for axis, _ in axes]
    given = ((name, keys) for name, (_, keys) in zip(names, axes, strict=True))
    return {name: keys for name, keys in given if keys.kind == "step"}


def keys_component(shape: Shape, step: PlanStep, of: str) -> ContainerComponent:
    """Return the component that reads keys and gives the list of their indexes.

    Args:
        shape: the Plan's.
        step: a step that runs for them.
        of: the step, or the Recipe, whose keys they are.
    """
    read = keys_read(step)
    inputs = {**_artifact_inputs(shape, read), **_run_inputs(shape.plan)}
    outputs = {words.INDEXES: structures.OutputSpec("List[int]")}
    return _component(shape, step, words.keys_task(of), inputs, outputs, "--keys")


def when_component(shape: Shape, step: PlanStep) -> ContainerComponent:
    """Return the component that tells whether a step runs."""
    outputs = {DECISION: structures.OutputSpec("String")}
    name = words.when_task(step.name)
    return _component(shape, step, name, _run_inputs(shape.plan), outputs, "--when")


def skip_component(shape: Shape, step: PlanStep) -> ContainerComponent:
    """Return the component that stands for a step that the run skips: it has the same outputs."""
    made = {} if step.foreach else shape.outputs[step.name]
    outputs = {name: structures.OutputSpec(_artifact(kind)) for name, kind in made.items()}
    name = words.skip_task(step.name)
    return _component(shape, step, name, _run_inputs(shape.plan), outputs, "--when")


def exit_component(shape: Shape) -> ContainerComponent:
    """Return the component that reports how the run ended."""
    status = {"status": structures.InputSpec("PipelineTaskFinalStatus", optional=True)}
    inputs = {**_run_inputs(shape.plan), **status}
    return _component(shape, shape.plan.steps[-1], "atlas-finish", inputs, {}, "--finish")


def _component(
    shape: Shape,
    step: PlanStep,
    name: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    *flags: str,
) -> ContainerComponent:
    """Put a component together, in the image of a step."""
    command = ["python", "-m", "atlas.step", "--plan", shape.digest, "--step", step.name]
    if shape.local:
        own = {**step.env, IMAGE: shape.images[step.image]}
        command = ["env", *(f"{k}={value}" for k, value in sorted(own.items())), *command]
    commit = ["--commit", shape.origin.commit] if shape.origin.commit else []
    arguments = [*flags, *commit, "--executor-input", "{{$}}"]
    container = structures.ContainerSpecImplementation(
        image=shape.images[step.image], command=command, args=arguments
    )
    spec = structures.ComponentSpec(
        name=name,
        implementation=structures.Implementation(container),
        inputs=dict(inputs) or None,
        outputs=dict(outputs) or None,
    )
    return ContainerComponent(spec, lambda: None)


def _artifact_inputs(shape: Shape, sources: Mapping[str, InputSource]) -> dict[str, Any]:
    """Return the inputs that make edges, and with them lineage."""
    return {
        name: structures.InputSpec(
            _artifact(shape.outputs[source.name][source.output]),
            is_artifact_list=shape.is_list(source),
        )
        for name, source in sources.items()
    }


def _run_inputs(plan: Plan) -> dict[str, Any]:
    """Return the inputs that are the same for every step of a run: its facts and parameters."""
    facts = {name: structures.InputSpec("String") for name in (*words.FACTS.values(), words.JOB)}
    own = {
        f"{words.PARAMETER}{name}": structures.InputSpec(KFP_TYPES[parameter.type])
        for name, parameter in sorted(plan.parameters.items())
    }
    return {**facts, **own}


def _artifact(kind: str) -> str:
    """Return an artifact class as KFP writes it."""
    artifact_class = getattr(artifact_types, kind)
    bundled: str = type_utils.create_bundled_artifact_type(
        artifact_class.schema_title, artifact_class.schema_version
    )
    return bundled
