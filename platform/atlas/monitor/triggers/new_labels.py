"""So many labels came since the champion's training.

Those of batches newer than the training all count. Of older batches those count that came after the
life was first looked at, for it isn't known when each label came: late labels of what an earlier
champion has scored are new, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config_retraining import NEW_LABELS
from atlas.monitor.checked import TriggerState
from atlas.monitor.looks import Baseline
from atlas.monitor.triggers.outcome import Seen, seen

if TYPE_CHECKING:
    from atlas.models.measurements import BatchMeasurement
    from atlas.monitor.life import ChampionLife


def new_labels(life: ChampionLife) -> Seen | None:
    """Count the labels that are newer than the training, or than the event before."""
    wanted = life.monitored.rule.new_labels
    if not wanted:
        return None
    armed = life.armed(NEW_LABELS)
    known = _by_batch(life)
    new = sum(measured.labels for measured in known if life.is_new(measured))
    older = sum(measured.labels for measured in known) - new
    first = life.ledger.baseline(Baseline(older, life.now)).labels
    labels = new + max(older - first, 0)
    count = max(labels - armed.after("labels"), 0)
    since = "since its last event" if armed.before else "since the champion's training"
    why = f"{count:,} of {wanted:,} labels {since}"
    details = {"labels": labels, "batches": len(known)}
    state = TriggerState(
        name=NEW_LABELS, value=count, threshold=wanted, unit="labels", why=why, details=details
    )
    return seen(life, armed, state, fires=count >= wanted, numbers={"labels": labels})


def _by_batch(life: ChampionLife) -> list[BatchMeasurement]:
    """Return what is known of each batch, by the step that knows of most of its labels."""
    known: dict[str, BatchMeasurement] = {}
    for measured in life.measured:
        other = known.get(measured.batch)
        if other is None or other.labels < measured.labels:
            known[measured.batch] = measured
    return [*known.values()]
