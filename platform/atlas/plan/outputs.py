"""Which outputs the steps of a Plan have: those that they declare, and those that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.plan.model import Plan


def output_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of each step's outputs, sorted.

    A step whose outputs can't be read from its source declares none; what others read of it is an
    output all the same.
    """
    outputs = {step.name: set(step.outputs) for step in plan.steps}
    for step in plan.steps:
        for source in step.sources():
            if source.kind == "step":
                outputs[source.name].add(source.output)
    return {step: tuple(sorted(names)) for step, names in outputs.items()}
