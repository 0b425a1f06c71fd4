"""`atlas promote`: a trained version becomes the champion, if it passes its Config's rule."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.plan import Plan
    from atlas.step.promoting import PromotedModel, TrainedModel
    from atlas.store import Store


def promote(
    path: PipelinePath = Path(),
    *,
    run: Annotated[
        str, typer.Option("--run", help="Id of the training run; by default the latest.")
    ] = "",
    best: Annotated[
        bool, typer.Option("--best", help="Take the run with the best value of the rule's metric.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the decision, and change nothing.")
    ] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Make a trained version the champion, if it passes its rule.

    A family is promoted as a whole: all of its members, or none.
    """
    from atlas.step.promoting import promote_trained
    from atlas_deploy.training.models import opened

    if run and best:
        raise typer.BadParameter("give --run or --best, not both", param_hint="--best")
    with opened(path, env) as models:
        chosen = _chosen(models.store, models.plans, run, best=best)
        outcomes = promote_trained(models.store, models.registry, chosen, dry_run=dry_run)
    for warning in (warning for outcome in outcomes for warning in outcome.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    data = [outcome.to_json() for outcome in outcomes]
    emit(
        data,
        lambda: "\n".join(_line(outcome, dry_run=dry_run) for outcome in outcomes),
        as_json=as_json,
    )
    if not all(outcome.promotion.promoted for outcome in outcomes):
        raise typer.Exit(1)


def _chosen(store: Store, plans: Sequence[Plan], run: str, *, best: bool) -> list[TrainedModel]:
    """Return the run of each model.

    Raises:
        AtlasError: there is none, or one run's id is given for several pipelines.
    """
    from atlas.errors import AtlasError
    from atlas.runs.best import best_trained
    from atlas.step.promoting import trained_model

    if run and len(plans) > 1:
        names = ", ".join(plan.name for plan in plans[:5])
        raise AtlasError(f"--run names the run of one pipeline; expected one of {names} as PATH")
    return [
        trained_model(store, plan, run=best_trained(store, plan) if best else run) for plan in plans
    ]


def _line(outcome: PromotedModel, *, dry_run: bool) -> str:
    version = (
        f"version {outcome.version}" if outcome.version else "a version that isn't registered yet"
    )
    verb = "is" if outcome.promotion.promoted else "isn't"
    if dry_run:
        verb = "would be" if outcome.promotion.promoted else "wouldn't be"
    was = f"; it was version {outcome.promotion.previous}" if outcome.promotion.previous else ""
    moved = (
        was if outcome.promotion.promoted and outcome.promotion.previous != outcome.version else ""
    )
    return f"{outcome.model}: {version} {verb} the champion: {outcome.promotion.reason}{moved}"
