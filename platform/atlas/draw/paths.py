"""From files to a Drawing: what a PATH stands for, or two versions of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw.compare import diff
from atlas.draw.plans import of_plans
from atlas.draw.recipes import of_recipe
from atlas.errors import AtlasError
from atlas.load import loader_for, shown
from atlas.plan import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.draw.model import Drawing
    from atlas.plan import Plan
    from atlas.recipe import Recipe


def of_path(path: Path, *, environment: str = "local", flow: str = "") -> Drawing:
    """Return the drawing of everything that a PATH stands for.

    Args:
        path: a Recipe, a Config, a pipeline's folder, or a folder that is scanned. A Recipe
            with inputs, which only ever is a step of others, is drawn as it is written.
        environment: name of the Environment.
        flow: ``training`` or ``inference``, to draw only that; or empty.

    Raises:
        InvalidError: something is wrong; it carries every Problem.
        AtlasError: there is nothing of that flow.
    """
    part = _part(path)
    return of_recipe(part) if part else of_plans(_plans(path, environment, flow))


def diff_of_paths(old: Path, new: Path, *, environment: str = "local", flow: str = "") -> Drawing:
    """Return two versions as one drawing; see `of_path` and `diff`."""
    parts = _part(old), _part(new)
    if parts[0] and parts[1]:
        return diff(of_recipe(parts[0]), of_recipe(parts[1]))
    versions = [_plans(path, environment, flow) for path in (old, new)]
    scoped = max(len({(plan.config, plan.flow) for plan in plans}) for plans in versions) > 1
    before, after = (of_plans(plans, scoped=scoped) for plans in versions)
    return diff(before, after)


def _plans(path: Path, environment: str, flow: str) -> list[Plan]:
    """Return the Plans of what a PATH stands for."""
    every = [
        plan
        for pipeline in resolve(path, environment=environment)
        for plan in pipeline.plans.values()
    ]
    plans = [plan for plan in every if flow in ("", plan.flow)]
    if not plans:
        there = ", ".join(sorted({plan.flow for plan in every})) or "no flow"
        raise AtlasError(f"{shown(path)}: nothing has the flow '{flow}'; there is {there}")
    return plans


def _part(path: Path) -> Recipe | None:
    """Return the Recipe at a PATH if it can only be a step of others, for it has inputs."""
    file = loader_for(path).recipe(path) if path.is_file() else None
    return file.recipe if file and file.recipe.inputs else None
