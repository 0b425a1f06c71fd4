"""`atlas list`: the pipelines under a path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas.plan import Pipeline
    from atlas_deploy.operations.listing import StackListing


def list_(
    path: PipelinePath = Path(),
    env: Annotated[str, typer.Option(help="Environment to list for.")] = "",
    stacks: Annotated[
        bool,
        typer.Option(
            "--stacks", help="List stacks in place of pipelines: deployed or not, when, by whom."
        ),
    ] = False,
    changed_since: Annotated[
        str,
        typer.Option(
            "--changed-since", metavar="REV", help="Only pipelines that differ from this commit's."
        ),
    ] = "",
    in_: Annotated[
        Path | None,
        typer.Option("--in", metavar="FILE", help="Only those of a list that --json has printed."),
    ] = None,
    each: Annotated[
        str,
        typer.Option(metavar="COMMAND", help="Run it for each folder, as 'deploy --env prod'."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List pipelines, their flows and digests; or their stacks.

    Stacks are those of all environments, unless --env names one.
    """
    if stacks:
        _list_stacks(path, env, as_json=as_json)
        return
    if each or in_:
        _call(path, env, changed_since, in_, each, as_json=as_json)
        return
    env = env or "local"
    from atlas.load import shown

    pipelines = _pipelines(path, env, changed_since)
    rows = [_row(pipeline, shown(pipeline.folder)) for pipeline in pipelines]
    headers = ("PIPELINE", "FAMILY", "TRAINING", "INFERENCE", "FOLDER")
    lines = [[row[header.lower()] or "-" for header in headers] for row in rows]
    emit(rows, lambda: table(headers, lines), as_json=as_json)


def _pipelines(path: Path, env: str, changed_since: str) -> list[Pipeline]:
    """Return the pipelines to list: all, or those that differ from a commit's."""
    if changed_since:
        from atlas_deploy.operations import changed

        return changed.changed_since(path, env, changed_since)
    from atlas.plan import resolve

    return list(resolve(path, environment=env))


def _call(
    path: Path, env: str, changed_since: str, file: Path | None, command: str, *, as_json: bool
) -> None:
    """Run a command for each folder, and report what failed after the others."""
    from atlas.load import shown
    from atlas_cli.commands.deploy import say
    from atlas_deploy.operations import each

    if file and (changed_since or path != Path() or env):
        raise typer.BadParameter("the file has the list; give no PATH, --env or --changed-since")
    if not command:
        raise typer.BadParameter("expected --each COMMAND beside it", param_hint="--in")
    if file:
        chosen = each.read_list(file)
    else:
        found = _pipelines(path, env or "local", changed_since)
        chosen = each.listed({"folder": shown(pipeline.folder)} for pipeline in found)
    called = each.each(chosen, command, say, as_json=as_json)
    emit(called, "", as_json=as_json)
    each.require_all(called)


def _list_stacks(path: Path, env: str, *, as_json: bool) -> None:
    """List the stacks of an Environment, or of all."""
    from atlas_deploy.operations.listing import list_stacks

    listings = list_stacks(path, env)
    headers = ("STACK", "STATE", "PIPELINES", "LAST", "AT", "BY", "COMMIT")
    rows = [_stack_row(listing) for listing in listings]
    why = {listing.environment: listing.why for listing in listings if listing.why}
    notes = [f"environment {name}: {reason}" for name, reason in why.items()]
    emit(listings, lambda: "\n".join([table(headers, rows), *notes]), as_json=as_json)


def _stack_row(listing: StackListing) -> tuple[object, ...]:
    last = f"{listing.number} ({listing.action})" if listing.number else "-"
    return (
        listing.stack, listing.state, listing.members, last, listing.at or "-", listing.by or "-",
        listing.commit[:12] or "-",
    )  # fmt: skip


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
