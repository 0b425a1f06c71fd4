"""`atlas runs`: what has run, and how it ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas.step.sync import Synced


def runs(
    path: Annotated[
        Path, typer.Argument(help="Where the project is; a pipeline's folder for its runs only.")
    ] = Path(),
    *,
    sync: Annotated[
        bool, typer.Option("--sync", help="Send the runs that wait in the outbox to MLflow.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """List runs and how they ended; send to MLflow what waits."""
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment

    project = project_at(path)
    with process_environment(project, load_environment(project, env)) as found:
        if sync:
            _sync(found.missing, as_json=as_json)
        else:
            _list(path, limit, as_json=as_json)


def _list(path: Path, limit: int, *, as_json: bool) -> None:
    from atlas.runner.history import history
    from atlas.store import open_store

    only = _names(path)
    found = history(open_store(os.environ["ATLAS_STORE"]), only, limit)
    headers = ("run", "pipeline", "status", "started", "seconds", "model")
    rows = [
        (one.run, one.pipeline, one.status, one.started[:19], f"{one.seconds:.1f}", one.model)
        for one in found
    ]
    data = [one.to_json() for one in found]
    emit(data, lambda: table(headers, rows) if rows else "no runs", as_json=as_json)


def _names(path: Path) -> set[str] | None:
    """Return the names of the pipelines of a folder; None for those of the whole project."""
    from atlas.load import configs_under, load_configs, loader_for

    loader = loader_for(path)
    if not path.is_dir() or not any(map(loader.is_config, configs_under(path, loader.project))):
        return None
    if path.resolve() == loader.project.root.resolve():
        return None
    configs = load_configs(path, loader)
    return {one.config.member_name(axes) for one in configs for axes in one.config.members()}


def _sync(missing: tuple[str, ...], *, as_json: bool) -> None:
    """Send what waits: to the platform's MLflow, or to MLflow's file in the state folder."""
    from atlas.errors import PlatformError
    from atlas.step.finish import tracker_of_steps
    from atlas.step.sync import sync
    from atlas.tracking.database import TrackingDatabase
    from atlas.tracking.outbox import outbox_in

    state = Path(os.environ["ATLAS_STATE"])
    tracker = tracker_of_steps()
    if tracker is None and missing:
        raise PlatformError(missing[0])
    where = os.environ.get("ATLAS_MLFLOW_URL") or f"sqlite:///{state / 'mlflow.db'}"
    outbox = outbox_in(state)
    sent: list[Synced] = []
    failure = None
    try:
        for one in sync(outbox, tracker or TrackingDatabase(state / "mlflow.db")):
            sent.append(one)
    except PlatformError as error:
        failure = error
    unreadable = outbox.unreadable()
    data = {"to": where, "runs": [_plain(one) for one in sent], "unreadable": unreadable}
    lines = [*map(_line, sent), *(f"{outbox.folder}/{name}: no run's" for name in unreadable)]
    if sent or failure is None:
        emit(data, lambda: "\n".join([*lines, _summary(sent, where)]), as_json=as_json)
    if failure is not None:
        raise failure
    if any(one.failed for one in sent):
        raise typer.Exit(1)


def _plain(one: Synced) -> dict[str, Any]:
    return {
        "pipeline": one.pipeline, "run": one.run, "tracked": one.tracked, "problem": one.problem,
    }  # fmt: skip


def _line(one: Synced) -> str:
    kept = "; it stays in the outbox" if one.failed else ""
    words = one.finished.lines() if one.finished else [f"not sent: {one.problem}{kept}"]
    return f"{one.pipeline} {one.run}: {'; '.join(words) or 'sent'}"


def _summary(sent: list[Synced], where: str) -> str:
    number = sum(bool(one.tracked) for one in sent)
    return f"{number} of {len(sent)} runs sent to {where}" if sent else "no run waits to be sent"
