"""`atlas champion`: which version is the champion, was it at a moment, and who decided so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas.models.champions import Champions
    from atlas.models.log import LogEntry


def champion(
    path: PipelinePath = Path(),
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="Which it was then, such as 2026-01-31.")
    ] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Show every decision, the newest first.")
    ] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Show which version is or was the champion, and check its log."""
    from atlas.models.champions import Champions
    from atlas.step.binding import moment
    from atlas.step.family import waiting_version
    from atlas_deploy.training.models import opened

    time = moment(at, "--at")
    with opened(path, env) as models:
        facts_of_models = [
            {
                **_facts(
                    Champions(models.store, models.registry, plan.model.name),
                    time,
                    history=history,
                ),
                "waits": waiting_version(models.store, models.registry, plan),
            }
            for plan in models.plans
            if plan.model
        ]
    emit(facts_of_models, lambda: "\n".join(map(_text, facts_of_models)), as_json=as_json)
    faults = [
        f"{entry['model']}: {fault}" for entry in facts_of_models for fault in entry["faults"]
    ]
    sys.stdout.flush()
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if faults:
        raise typer.Exit(1)


_ANY_TIME = "9"
"""Behind every moment in ISO 8601."""


def _facts(champions: Champions, time: str, *, history: bool) -> dict[str, Any]:
    """Return what there is to say of one model's champion."""
    from atlas.errors import StoreError
    from atlas.models.log import champion_at

    faults = champions.faults()
    current = champions.current()
    facts: dict[str, Any] = {"model": champions.model, "faults": faults}
    try:
        entries = list(champions.log.entries())
    except StoreError:  # It is among the faults.
        entries = []
    since = champion_at(iter(entries), time or _ANY_TIME)
    version = current.version if current else ""
    if time:
        version = since.champion if since else ""
    facts |= {"version": version, "at": time, "entry": _why(entries, since)}
    if history:
        facts["history"] = [entry.to_json() for entry in reversed(entries)]
    return facts


def _why(entries: list[LogEntry], since: LogEntry | None) -> dict[str, Any] | None:
    """Return the entry that made a version the champion, with the reasons of its intent."""
    if since is None:
        return None
    intent = entries[since.number - 2] if since.number > 1 else since
    return {**since.to_json(), "reason": since.reason or intent.reason, "evidence": intent.evidence}


def _text(facts: dict[str, Any]) -> str:
    entry, when = facts["entry"], f" at {facts['at']}" if facts["at"] else ""
    if not facts["version"]:
        line = f"{facts['model']}: no version is the champion{when}"
    else:
        line = f"{facts['model']}: version {facts['version']} is the champion{when}"
    if facts["version"] and entry and entry["champion"] == facts["version"]:
        line = f"{line}, since {entry['time']} by {_who(entry)}: {entry['reason']}"
    if facts["waits"] and not facts["at"]:
        line = f"{line}; version {facts['waits']} waits for its family"
    return "\n".join((line, *_table(facts.get("history", ()))))


def _table(entries: Any) -> list[str]:
    if not entries:
        return []
    headers = ("NUMBER", "TIME", "BY", "ACTION", "VERSION", "CHAMPION", "REASON")
    rows = [
        (
            entry["number"], entry["time"], _who(entry), entry["action"], entry["version"] or "-",
            entry["champion"] or "-", entry["reason"] or "-",
        )
        for entry in entries
    ]  # fmt: skip
    return [table(headers, rows)]


def _who(entry: dict[str, Any]) -> str:
    return f"{entry['who'].get('user', '')}@{entry['who'].get('host', '')}"
