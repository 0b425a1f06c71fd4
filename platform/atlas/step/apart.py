"""The end of a rehearsal: a run of which nothing comes but its artifacts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.step.finish import unfinished
from atlas.step.finished import Finished
from atlas.step.outcome import DONE, FAILED
from atlas.store.keys import OUTCOME, run_key
from atlas.values import canonical

if TYPE_CHECKING:
    from atlas.plan import Plan
    from atlas.store import Run, Store


def end_rehearsal(store: Store, plan: Plan, run: Run) -> Finished:
    """Return how a rehearsal ended, and record it; an end that is recorded already stays.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.

    Raises:
        StoreError: the end can't be recorded.
    """
    missing = tuple(unfinished(store, plan, run))
    status = FAILED if missing else DONE
    if store.run_outcome(run.pipeline, run.id) is None:
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        outcome = {"status": status, "plan": plan.digest, "ended": ended, "missing": [*missing]}
        key = f"{run_key(run.pipeline, run.id)}/{OUTCOME}"
        store.location.write(key, canonical(outcome).encode())
        store.note_changed(run.pipeline, run.id)
    return Finished(status, missing)
