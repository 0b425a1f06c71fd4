"""Schedules, retries and time-outs of Airflow, in the words of a Recipe and a Config."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from atlas.errors import NotALiteralError
from atlas_import.draft import Note
from atlas_import.literals import called, keywords, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_PRESETS = frozenset(
    {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@quarterly", "@yearly", "@annually"}
)
_CRONS = {3600: "0 * * * *", 86400: "0 0 * * *", 604800: "0 0 * * 0"}
_MOST_RETRIES, _CRON_FIELDS = 100, 5
_TAKEN = frozenset({"retries", "retry_delay", "execution_timeout"})
_IDLE = frozenset({
    "task_id", "dag", "python_callable", "op_args", "op_kwargs", "bash_command", "env", "doc",
    "doc_md", "owner", "multiple_outputs", "start_date", "depends_on_past", "provide_context",
    "do_xcom_push", "append_env", "show_return_value_in_logs", "email_on_failure",
    "email_on_retry",
})  # fmt: skip
"""Arguments that change nothing where Atlas runs the task, or that are read elsewhere."""
_DAG_IDLE = frozenset(
    {
        "dag_id",
        "description",
        "schedule",
        "schedule_interval",
        "start_date",
        "default_args",
        "tags",
        "doc_md",
        "dag_display_name",
    }
)


def seconds_of(node: ast.expr | None) -> int:
    """Return the seconds of a `timedelta(…)` of constants, or 0."""
    if not (
        isinstance(node, ast.Call) and called(node).rpartition(".")[2] in ("timedelta", "duration")
    ):
        return 0
    try:
        given = {name: value_of(one) for name, one in keywords(node).items()}
        given |= {"days": value_of(node.args[0])} if node.args else {}
    except NotALiteralError:
        return 0
    known = all(name in _UNITS and isinstance(one, int | float) for name, one in given.items())
    return int(sum(_UNITS[name] * one for name, one in given.items())) if known else 0


def settings_of(given: Mapping[str, ast.expr], place: str) -> tuple[dict[str, Any], list[Note]]:
    """Return a task's arguments as settings of a step, and notes on those that it hasn't."""
    settings: dict[str, Any] = {}
    retries = given.get("retries")
    limit = retries.value if isinstance(retries, ast.Constant) else 0
    if isinstance(limit, int) and 0 < limit <= _MOST_RETRIES:
        delay = seconds_of(given.get("retry_delay"))
        settings["retries"] = {"limit": limit, "delay": f"{delay}s"} if delay else limit
    if timeout := seconds_of(given.get("execution_timeout")):
        settings["timeout"] = f"{timeout}s"
    left = sorted(given.keys() - _TAKEN - _IDLE)
    return settings, [Note(place, f"{name}=… wasn't taken over") for name in left]


def schedule_of(given: Mapping[str, ast.expr], place: str) -> tuple[dict[str, Any], list[Note]]:
    """Return a DAG's schedule as a Config has it; nothing where it has none."""
    notes = [
        Note(place, f"{name}=… of the DAG wasn't taken over")
        for name in sorted(given.keys() - _DAG_IDLE - {"catchup"})
    ]
    if "catchup" in given and not _is_false(given["catchup"]):
        notes.append(
            Note(
                place,
                "catchup wasn't taken over: back-fills run intervals of the past",
            )
        )
    node = given.get("schedule", given.get("schedule_interval"))
    cron, note = _cron(node)
    notes += [Note(place, note)] if note else []
    if not cron:
        return {}, notes
    start, zone = _start(given.get("start_date"))
    schedule = (
        {"cron": cron} | ({"timezone": zone} if zone else {}) | ({"start": start} if start else {})
    )
    return schedule, notes


def _cron(node: ast.expr | None) -> tuple[str, str]:
    """Return a schedule as cron, and what has to be said of it."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return "", ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.strip()
        if text in _PRESETS or len(text.split()) == _CRON_FIELDS:
            return text, ""
        return "", f"the schedule '{text[:60]}' wasn't taken over: run it by hand"
    seconds = seconds_of(node)
    if seconds in _CRONS:
        return _CRONS[
            seconds
        ], f"the schedule of {ast.unparse(node)[:60]} became '{_CRONS[seconds]}', by the clock"
    return "", f"the schedule {ast.unparse(node)[:60]} wasn't taken over: give the Config a cron"


def _start(node: ast.expr | None) -> tuple[str, str]:
    """Return a `datetime(…)` of constants as a date, and its zone."""
    if not isinstance(node, ast.Call):
        return "", ""
    try:
        year, month, day = (value_of(one) for one in node.args[:3])
        start = f"{int(year):04}-{int(month):02}-{int(day):02}"
    except (NotALiteralError, ValueError, TypeError):
        return "", ""
    zone = keywords(node).get("tz")
    return start, zone.value if isinstance(zone, ast.Constant) and isinstance(
        zone.value, str
    ) else ""


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
