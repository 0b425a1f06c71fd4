"""A DAG's description for Airflow's pages: what it is made of, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from atlas.step.skipping import text_of
from atlas.targets.airflow.literals import source
from atlas.targets.protocol import facts
from atlas.tracking.record import experiment_of

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep
    from atlas.targets.protocol import Origin


def document(plan: Plan, origin: Origin) -> str:
    """Return the Plan as Markdown: where its code is, description, graph, what it was made from."""
    made_from = {n: text for n, text in facts(plan, origin).items() if n != "repository"}
    parts = [
        *filter(None, [code_line(origin), plan.description]),
        "Steps:",
        "\n".join(_line(step) for step in plan.steps),
        "Made from:",
        "\n".join(f"- {name}: `{text}`" for name, text in made_from.items()),
    ]
    # Airflow would read a text that ends in .md as the name of a file.
    return "\n\n".join(parts) + "\n"


def code_line(origin: Origin) -> str:
    """Return a line with a link to the repository; empty where none is known."""
    address = origin.repository
    return f"Code: [{address.partition('://')[2]}]({address})" if address else ""


def mlflow_names(plan: Plan) -> list[str]:
    """Return what MLflow has pages of, as its addresses have it: the experiment, and the model.

    MLflow finds the page of a model by its name. That of an experiment has a number, which isn't
    known before the first run; so the list of experiments is linked.
    """
    model = [plan.model.name] if plan.model else []
    return [quote(name, safe="") for name in (experiment_of(plan), *model)]


def owner_links(origin: Origin) -> dict[str, str]:
    """Return the argument of a DAG by which its owner's name leads to the code."""
    is_known = origin.owner and origin.repository
    return {"owner_links": source({origin.owner: origin.repository})} if is_known else {}


def _line(step: PlanStep) -> str:
    """Return one step of the graph: what it is, and the steps that it follows."""
    when = f", when {step.when.text(text_of)}," if step.when else ""
    after = ", ".join(f"`{name}`" for name in step.upstream())
    axes = step.foreach.axes if step.foreach else ()
    of = (f"key of `{keys.name}`" if keys.name else f"of {len(keys.keys)} keys" for _, keys in axes)
    per_key = f" for each {' and '.join(of)}" if axes else ""
    return f"- `{step.name}` ({step.cls}){per_key}{when}{f' after {after}' if after else ''}"
