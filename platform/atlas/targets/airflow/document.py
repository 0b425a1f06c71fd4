"""A DAG's description for Airflow's pages: what it is made of, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.step.skipping import text_of
from atlas.targets.protocol import facts

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep
    from atlas.targets.protocol import Origin


def document(plan: Plan, origin: Origin) -> str:
    """Return the Plan as Markdown: description, graph, and what it was made from."""
    parts = [
        *filter(None, [plan.description]),
        "\n".join(_line(step) for step in plan.steps),
        "\n".join(f"- {name}: `{text}`" for name, text in facts(plan, origin).items()),
    ]
    # Airflow would read a text that ends in .md as the name of a file.
    return "\n\n".join(parts) + "\n"


def _line(step: PlanStep) -> str:
    """Return one step of the graph: what it is, and the steps that it follows."""
    when = f", when {step.when.text(text_of)}," if step.when else ""
    after = ", ".join(f"`{name}`" for name in step.upstream())
    axes = step.foreach.axes if step.foreach else ()
    of = (f"key of `{keys.name}`" if keys.name else f"of {len(keys.keys)} keys" for _, keys in axes)
    per_key = f" for each {' and '.join(of)}" if axes else ""
    return f"- `{step.name}` ({step.cls}){per_key}{when}{f' after {after}' if after else ''}"
