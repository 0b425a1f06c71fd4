"""What `atlas monitor --replay` asks for and prints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from atlas.monitor.replay.replaying import Replay


@dataclass(frozen=True)
class Replaying:
    """The options of a replay."""

    bounds: Sequence[str]
    shifts: Sequence[str]
    batches: int
    rows: int
    trainings: int
    cost: float

    def show(self, path: Path, env: str, *, as_json: bool) -> int:
        """Replay, print, and return the exit code: 1 where a pipeline can't be replayed."""
        from atlas.monitor.replay.replaying import replayed_each
        from atlas_deploy.training.monitored import opened_monitors

        found: list[tuple[Replay, Any]] = []
        failed = False
        with opened_monitors(path, env) as opened:
            for life, error in replayed_each(opened.store, opened.registry, opened.pipelines):
                if life is None:
                    print(f"error: {error}", file=sys.stderr)
                    failed = True
                else:
                    found.append(self._one(life))
        raw = [{**one.to_json(), "hindsight": past} for one, past in found]
        emit(raw, lambda: "\n\n".join(_text(*one) for one in found), as_json=as_json)
        for one, _ in found:
            for text in one.warnings:
                print(f"warning: {one.pipeline}: {text}", file=sys.stderr)
        return int(failed)

    def _one(self, life: Any) -> tuple[Replay, Any]:
        from atlas.monitor.replay.replaying import replay, replay_synthetic
        from atlas.monitor.replay.synthetic import Shift

        if self.shifts or self.batches:
            shifts = [Shift.parse(text) for text in self.shifts]
            last = max((shift.batch for shift in shifts), default=0)
            count = self.batches or max(30, last + 10)
            sizes = {"batches": count, "rows": self.rows}
            return replay_synthetic(life, shifts, self.bounds, **sizes), None
        answer = replay(life, self.bounds)
        if not self.trainings:
            return answer, None
        from atlas.retraining.hindsight import hindsight

        past = hindsight(life, answer, most=self.trainings, cost=self.cost)
        return answer, past.to_json()


def _text(one: Replay, past: Any) -> str:
    from atlas.monitor.replay.text import HEADERS, hindsight_lines, notes_of, rows_of

    first, *notes = notes_of(one)
    lines = [first, table(HEADERS, rows_of(one)), *notes]
    return "\n".join([*lines, *(hindsight_lines(past) if past else ())])
