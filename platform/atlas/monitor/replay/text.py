"""A replay in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.monitor.replay.replaying import Replay, Replayed

HEADERS = ("TRIGGER", "BOUNDS", "FIRES", "WHY")


def rows_of(replay: Replay) -> list[tuple[str, ...]]:
    """Return a row for each trigger and bounds, for a table with `HEADERS`."""
    return [
        (one.trigger, one.bounds or "the Config's", _fires(one), one.why) for one in replay.replayed
    ]


def _fires(one: Replayed) -> str:
    if not one.streams:
        return f"after batch {one.number}, {one.batch}" if one.number else "never"
    text = f"in {one.fired} of {one.streams} streams"
    if one.delay is not None:
        text += f", by {one.delay:g} batches"
    return f"{text}; {one.early} too early" if one.early else text


def notes_of(replay: Replay) -> list[str]:
    """Return what stands above and below the table."""
    between = f", {replay.first} to {replay.last}" if replay.batches else ""
    lines = [f"{replay.pipeline}, version {replay.champion}: {replay.batches} batches{between}"]
    for column, tolerance in replay.tolerances.items():
        text = "the smallest tolerance with which no batch would have alarmed"
        lines.append(f"{column}: {tolerance:.3g} is {text}")
    return lines


def hindsight_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what a hindsight says, as `Hindsight.to_json` gives it."""
    seconds = sum(found["seconds"])
    trained = len(found["trained"])
    lines = [f"{trained} trainings in {seconds:.1f} s; {found['metric']} decides"]
    for gain in found["gains"]:
        lines.append(_gain(gain, found["metric"]))
    for name, one in found["schedules"].items():
        when = ", ".join(one["trainings"]) or "no training"
        lines.append(f"{name}: {when}: {one['total']:+.4g} against never")
    return lines


_MEANS = {
    "helps": "retraining would have helped",
    "doesn't help": "but retraining would not have helped",
    "can't be told": "whether retraining would have helped can't be told",
}


def _gain(gain: Mapping[str, Any], metric: str) -> str:
    fired = " and ".join(gain["triggers"])
    error = f" ± {gain['error']:.2g}" if gain["error"] else ""
    numbers = f"{gain['gain']:+.4g}{error} of {metric} summed over rows, for {gain['cost']:g}"
    return f"{fired} after {gain['batch']}, {_MEANS[gain['verdict']]}: {numbers}"
