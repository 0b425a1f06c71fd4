"""The summary of a run: what a list of runs shows, filters and sorts by."""

from __future__ import annotations

from dataclasses import asdict, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNING, KILLED = "running", "killed"
"""Status of a run that isn't over: its process is there, or is gone."""

PROMOTED, KEPT, WAITS = "promoted", "kept", "waits"
"""What was decided on the version that a run made."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run.

    Attributes:
        plan: digest of its Plan.
        status: ``done``, ``failed``, ``partial``, ``running`` or ``killed``; ``on airflow`` and
            the like for a run that a target has, and of which no end is recorded.
        started: ISO 8601 in UTC.
        seconds: how long it took, as far as is known.
        trigger: what started it.
        user: who started it, as ``user@host``; empty where that isn't recorded.
        commit: git commit of the pipeline's folder, or empty.
        target: where it runs: ``local`` or a target's name; empty where that isn't recorded.
        model: the model version that it used, or empty.
        registered: the model version that it made, or empty.
        decision: what was decided on that: ``promoted``, ``kept`` (the champion stays), or
            ``waits`` for its family; empty for none.
        params: its parameters, and ``step.param`` of each step that is given a literal, as text.
        metrics: ``step.metric`` → value.
        tags: what people have marked it with.
        notes: what people have written about it: time, who, text; the oldest first.
        page: its orchestrator's page, or empty.
        tracked: MLflow's id of it, or empty.
        waits: whether it is still in the outbox.
    """

    run: str
    pipeline: str
    flow: str
    plan: str
    status: str
    started: str
    seconds: float
    trigger: str
    user: str = ""
    commit: str = ""
    target: str = ""
    model: str = ""
    registered: str = ""
    decision: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Mapping[str, str], ...] = ()
    page: str = ""
    tracked: str = ""
    waits: bool = False

    @property
    def name(self) -> str:
        """What it is called among all runs: ``pipeline/run``."""
        return f"{self.pipeline}/{self.run}"

    def to_json(self) -> dict[str, Any]:
        """Return the run as plain data."""
        return asdict(self)

    def to_row(self) -> list[Any]:
        """Return the values of its fields, in their order."""
        return [getattr(self, name) for name in FIELDS]

    @classmethod
    def from_row(cls, row: list[Any]) -> RunSummary:
        """Read back what `to_row` gave."""
        values = [*row]
        values[_NOTES] = tuple(row[_NOTES])
        return cls(*values)


FIELDS = tuple(field.name for field in fields(RunSummary))
_NOTES = FIELDS.index("notes")


def seconds_between(start: str, end: str) -> float:
    """Return the seconds between two moments in ISO 8601; 0 where one isn't known."""
    if not start or not end:
        return 0.0
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(0.0, took.total_seconds())


def mlflow_page(url: str, summary: RunSummary) -> str:
    """Return MLflow's page of a run; empty where it has none.

    Args:
        url: of the MLflow server, or empty.
        summary: the run.
    """
    return f"{url.rstrip('/')}/#/runs/{summary.tracked}" if url and summary.tracked else ""


def mlflow_version_page(url: str, summary: RunSummary) -> str:
    """Return MLflow's page of the model version that a run has made; empty where it has none.

    Args:
        url: of the MLflow server, or empty.
        summary: the run.
    """
    model, _, version = summary.registered.rpartition("/")
    is_there = url and version.isascii() and version.isdecimal()
    return (
        f"{url.rstrip('/')}/#/models/{quote(model, safe='')}/versions/{version}" if is_there else ""
    )
