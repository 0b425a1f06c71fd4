"""So many rows were scored since the champion's training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config_retraining import NEW_ROWS
from atlas.monitor.checked import TriggerState
from atlas.monitor.triggers.outcome import Seen, seen

if TYPE_CHECKING:
    from atlas.monitor.life import ChampionLife


def new_rows(life: ChampionLife) -> Seen | None:
    """Count the rows of batches that are newer than the training, or than the event before."""
    wanted = life.monitored.rule.new_rows
    if not wanted:
        return None
    armed = life.armed(NEW_ROWS)
    if not life.monitored.statistics and not life.records:
        text = "no batch is recorded, so no row is counted; expected `statistics` in the Config"
        life.warnings.append(f"new_rows: {text}")
    rows = sum(record.rows for record in life.new)
    count = max(rows - armed.after("rows"), 0)
    since = "since its last event" if armed.before else "since the champion's training"
    why = f"{count:,} of {wanted:,} rows {since}, in {len(life.new):,} batches"
    details = {"rows": rows, "batches": len(life.new)}
    state = TriggerState(
        name=NEW_ROWS, value=count, threshold=wanted, unit="rows", why=why, details=details
    )
    return seen(life, armed, state, fires=count >= wanted, numbers={"rows": rows})
