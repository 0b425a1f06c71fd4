"""`atlas list`: the pipelines under a path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas.plan import Pipeline


def list_(
    path: Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")] = Path(),
    env: Annotated[str, typer.Option(help="Environment to list for.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List pipelines, their flows and digests."""
    from atlas.load import shown
    from atlas.plan import resolve

    found = resolve(path, environment=env)
    rows = [_row(one, shown(one.folder)) for one in found]
    headers = ("PIPELINE", "FAMILY", "TRAINING", "INFERENCE", "FOLDER")
    lines = [[row[header.lower()] or "-" for header in headers] for row in rows]
    emit(rows, lambda: table(headers, lines), as_json=as_json)


def _row(pipeline: Pipeline, folder: str) -> dict[str, Any]:
    return {
        "pipeline": pipeline.name,
        "family": pipeline.config if pipeline.axes else "",
        **{flow: _digest(pipeline, flow) for flow in ("training", "inference")},
        "folder": folder,
    }


def _digest(pipeline: Pipeline, flow: str) -> str:
    plan = pipeline.plans.get(flow)
    return plan.digest[:12] if plan else ""
