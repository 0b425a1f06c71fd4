"""Decisions on versions of models: entries of a champion log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.lineage.decisions import entry_of, faults_of
from atlas.lineage.graph import ALTERED, LineageNode, Ref
from atlas.lineage.kinds.kind import DECISION, MODEL, related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.lineage.decisions import IndexedDecision
    from atlas.lineage.kinds.kind import RelatedRef
    from atlas.lineage.sources import LineageSources
    from atlas.models.log import LogEntry


class DecisionKind:
    """A decision; its key is the folder of the log, and the entry's number."""

    name = DECISION

    def read(self, sources: LineageSources, key: str) -> LineageNode:
        """Return a decision, once its entry fits those beside it and what was read before."""
        ref, decision = Ref(DECISION, key), _decision(sources, key)
        folder, _, number = key.rpartition("/")
        at = f"{sources.store.url}/{folder}/log/{int(number):09}.json"
        name = f"{folder.rpartition('/')[2]} #{number}"
        if decision is None:
            state = sources.fault(ALTERED, ref, at, "no such entry")
            return LineageNode(ref, name, "", {}, at, state)
        try:
            entry, reason = entry_of(sources.store.location, decision)
            faults = list(faults_of(sources.store.location, decision))
        except StoreError as error:
            state = sources.fault(ALTERED, ref, at, str(error))
            return LineageNode(ref, name, "", {}, at, state)
        state = ""
        for fault in faults:
            state = sources.fault(ALTERED, ref, at, fault, "an entry that was never written again")
        return LineageNode(ref, name, _summary(entry, reason), _facts(entry, reason), at, state)

    def causes(self, sources: LineageSources, key: str, *, is_root: bool) -> Iterator[RelatedRef]:
        """Give nothing: a decision is somebody's."""
        yield from ()

    def effects(self, sources: LineageSources, key: str) -> Iterator[RelatedRef]:
        """Give the version that it is on."""
        decision = _decision(sources, key)
        if decision is not None:
            model = decision.folder.rpartition("/")[2]
            yield related(MODEL, f"{model}/{decision.version}", decision.meaning)


def _decision(sources: LineageSources, key: str) -> IndexedDecision | None:
    folder, _, number = key.rpartition("/")
    return sources.decisions(folder.rpartition("/")[2]).numbered(folder, int(number))


def _summary(entry: LogEntry, reason: LogEntry) -> str:
    who = f"by {_who(entry)}" if entry.who else ""
    words = f"{entry.action} {entry.time[:19]} {who}".strip()
    return f"{words}: {reason.reason}" if reason.reason else words


def _facts(entry: LogEntry, reason: LogEntry) -> dict[str, str]:
    metrics = reason.evidence.get("metrics", {})
    shown = metrics.items() if isinstance(metrics, dict) else ()
    return {
        "action": entry.action,
        "time": entry.time,
        "by": _who(entry),
        "reason": reason.reason,
        "champion before": entry.before,
        "rule": ", ".join(f"{name}={value}" for name, value in reason.rule.items()),
        "metrics": ", ".join(f"{name} {value}" for name, value in shown),
        "sha256": entry.digest,
    }


def _who(entry: LogEntry) -> str:
    return f"{entry.who.get('user', '')}@{entry.who.get('host', '')}"
