"""A DAG's description for Airflow's pages: what it is made of, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep


def document(plan: Plan) -> str:
    """Return the Plan as Markdown: description, steps with what they follow, digests."""
    digests = {"plan": plan.digest, **dict(sorted(plan.digests.items())), "code": plan.code}
    parts = [
        *filter(None, [plan.description]),
        "\n".join(_line(step) for step in plan.steps),
        "\n".join(f"- {name}: `{digests[name]}`" for name in digests if digests[name]),
    ]
    # Airflow would read a text that ends in .md as the name of a file.
    return "\n\n".join(parts) + "\n"


def _line(step: PlanStep) -> str:
    """Return one step of the listing."""
    after = ", ".join(f"`{name}`" for name in step.upstream())
    each = f" for each key of `{step.foreach[1].name}`" if step.foreach else ""
    return f"- `{step.name}` ({step.cls}){each}{f' after {after}' if after else ''}"
