"""What has run: read from the store and the outbox."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load.words import nearest
from atlas.runs.index import RunIndex
from atlas.runs.summary import KILLED, RUNNING, RunSummary
from atlas.tracking.outbox import Pending, state_outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from atlas.store import Store
    from atlas.tracking.outbox import Outbox


@dataclass(frozen=True, slots=True)
class RunHistory:
    """The runs of some pipelines.

    Attributes:
        runs: the newest first.
        damaged: what couldn't be read, one message each.
    """

    runs: list[RunSummary]
    damaged: list[str] = field(default_factory=list)

    def find(self, reference: str) -> RunSummary:
        """Return the run of an id, or of ``pipeline/id``.

        Raises:
            AtlasError: there is none, or several pipelines have one of that id.
        """
        matching = [run for run in self.runs if reference in (run.run, run.name)]
        if len(matching) > 1:
            names = ", ".join(run.name for run in matching[:5])
            raise AtlasError(f"several pipelines have a run {reference}; expected one of {names}")
        if matching:
            return matching[0]
        damaged = next((text for text in self.damaged if f"/{reference}/" in f"{text}/"), "")
        if damaged:
            raise AtlasError(damaged)
        hint = nearest(reference, (run.run for run in self.runs))
        raise AtlasError(f"no run '{reference}' {self._of_which()}{f' ({hint})' if hint else ''}")

    def _of_which(self) -> str:
        pipelines = sorted({run.pipeline for run in self.runs})
        if not pipelines:
            return "here: nothing has run"
        more = f" and {len(pipelines) - 3} more" if len(pipelines) > 3 else ""  # noqa: PLR2004
        return f"of {', '.join(pipelines[:3])}{more}"


def history(store: Store, pipelines: Collection[str] | None = None) -> RunHistory:
    """Return all runs, the newest first.

    Args:
        store: the artifact store.
        pipelines: names of those to look at; None for all.
    """
    names = [
        pipeline for pipeline in store.pipelines() if pipelines is None or pipeline in pipelines
    ]
    indexes = [RunIndex(store, name) for name in names]
    runs = [summary for index in indexes for summary in index.summaries()]
    runs.sort(key=lambda run: run.started, reverse=True)
    outbox = state_outbox()
    unended = [_in_outbox(run, outbox) if run.status == KILLED else run for run in runs]
    return RunHistory(unended, [text for index in indexes for text in index.damaged])


def with_outbox(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """Return runs with what the outbox knows of them: whether they run now, and wait there."""
    outbox = state_outbox()
    return [_in_outbox(run, outbox) for run in runs]


def _in_outbox(run: RunSummary, outbox: Outbox | None) -> RunSummary:
    pending = outbox.find(Pending("", run.pipeline, run.run)) if outbox else None
    if pending is None:
        return run
    status = RUNNING if pending.is_running else run.status
    return replace(run, waits=True, status=status)
