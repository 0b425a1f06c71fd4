"""Rich display: Plans, pipelines, Recipes and Runs show themselves as drawings.

`import atlas` in IPython or Jupyter registers this by name with IPython, so that none of what is
shown has to know how it is drawn, and nothing is imported before it is shown.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.draw import Drawing, Marks
    from atlas.notebook.running import Ran
    from atlas.plan import Pipeline, Plan
    from atlas.store import Run, Store


def register() -> None:
    """Teach the running IPython, if there is one, to show what Atlas has."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython and hasattr(ipython, "get_ipython") else None
    if shell is not None:
        load_ipython_extension(shell)


def load_ipython_extension(shell: Any) -> None:
    """Teach one IPython to show what Atlas has; also what ``%load_ext atlas.notebook`` calls."""
    formatters = shell.display_formatter.formatters
    for (module, name), pictured in _SHOWN.items():
        formatters["text/html"].for_type_by_name(module, name, _html(pictured))
        formatters["text/plain"].for_type_by_name(module, name, _plain(pictured))


def unload_ipython_extension(shell: Any) -> None:
    """Let one IPython show things in its own way again."""
    for kind in ("text/html", "text/plain"):
        for place in _SHOWN:
            shell.display_formatter.formatters[kind].pop(".".join(place), None)


def _html(pictured: Callable[[Any], tuple[Drawing, Marks]]) -> Callable[[Any], str | None]:
    """Return a formatter to HTML; what can't be drawn it leaves to others, by giving None."""

    def show(thing: Any) -> str | None:
        from atlas.draw import svg
        from atlas.errors import AtlasError

        try:
            return f'<div style="overflow:auto">{svg(*pictured(thing))}</div>'
        except AtlasError:
            return None

    return show


def _plain(pictured: Callable[[Any], tuple[Drawing, Marks]]) -> Callable[[Any, Any, bool], None]:
    """Return a formatter to text, for IPython in a terminal."""

    def show(thing: Any, printer: Any, _cycle: bool) -> None:
        from atlas.draw import text
        from atlas.errors import AtlasError

        try:
            printer.text(text(*pictured(thing), columns=printer.max_width).rstrip())
        except AtlasError:
            printer.text(repr(thing))

    return show


def _of_drawing(drawing: Drawing) -> tuple[Drawing, Marks]:
    return drawing, {}


def _of_plan(plan: Plan) -> tuple[Drawing, Marks]:
    from atlas.draw import of_plan

    return of_plan(plan), {}


def _of_pipeline(pipeline: Pipeline) -> tuple[Drawing, Marks]:
    from atlas.draw import of_plans

    return of_plans(pipeline.plans.values()), {}


def _of_recipe(recipe: Any) -> tuple[Drawing, Marks]:
    """Draw a Recipe, or the builder of one."""
    from atlas.draw import of_recipe
    from atlas.recipe import Recipe

    return of_recipe(recipe if isinstance(recipe, Recipe) else recipe.recipe()), {}


def _of_run(run: Run) -> tuple[Drawing, Marks]:
    """Draw a run's Plan with how each step ended, as the store of this folder has it."""
    from atlas.environment import state_folder
    from atlas.store import open_store

    store = open_store(os.environ.get("ATLAS_STORE") or f"{state_folder()}/store")
    return _run_in(store, store.plan(run.plan), run)


def _of_ran(ran: Ran) -> tuple[Drawing, Marks]:
    """Draw a run that a cell started, with its metrics."""
    from dataclasses import replace

    drawing, marks = _run_in(ran.store, ran.plan, ran.run)
    notes = (
        f"{step}: {', '.join(f'{name} {value:.6g}' for name, value in metrics.items())}"
        for step, metrics in ran.metrics.items()
    )
    return replace(drawing, notes=(*drawing.notes, *notes)), marks


def _run_in(store: Store, plan: Plan, run: Run) -> tuple[Drawing, Marks]:
    """Draw a run's Plan with how each step ended."""
    from dataclasses import replace

    from atlas.draw import of_plan

    drawing = of_plan(plan)
    notes = (f"run {run.id}, {run.trigger}, {run.created}", *_interval(run))
    marks = {step.name: outcome_of(store, run, step.name) for step in plan.steps}
    return replace(drawing, notes=(*drawing.notes, *notes)), marks


def _interval(run: Run) -> tuple[str, ...]:
    return (f"interval {run.interval_start} to {run.interval_end}",) if run.interval_start else ()


def outcome_of(store: Store, run: Run, step: str) -> str:
    """Return how a step ended, all of its keys taken together: ran, cached, failed, or nothing.

    Args:
        store: where the run is.
        run: the run.
        step: the step's full name.
    """
    from atlas.store import unit_key

    names = store.location.names(unit_key(run.pipeline, run.id, step, None))
    keys: list[int | None] = [int(name) for name in names if name.isdigit()]
    outcomes = [store.outcome(run.pipeline, run.id, step, index) for index in keys or [None]]
    ended = [outcome for outcome in outcomes if outcome]
    if any(outcome["status"] == "failed" for outcome in ended):
        return "failed"
    if len(ended) < len(outcomes):
        return ""
    return "cached" if all(outcome.get("cached") for outcome in ended) else "ran"


_SHOWN: Mapping[tuple[str, str], Callable[[Any], tuple[Drawing, Marks]]] = {
    ("atlas.draw.model", "Drawing"): _of_drawing,
    ("atlas.plan.model", "Plan"): _of_plan,
    ("atlas.plan.resolve", "Pipeline"): _of_pipeline,
    ("atlas.recipe", "Recipe"): _of_recipe,
    ("atlas.builder.recipe", "RecipeBuilder"): _of_recipe,
    ("atlas.store.run", "Run"): _of_run,
    ("atlas.notebook.running", "Ran"): _of_ran,
}
"""Module and name of a class → what is drawn of it."""
