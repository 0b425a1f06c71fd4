"""How the page writes numbers, shares, times and a test's result."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.monitor.drift import ABSENCE
from atlas.pages.texts import fit

if TYPE_CHECKING:
    from atlas.monitor.drift import Measured

_LEAST, _WHOLE, _MOST = 1e-4, 1e3, 1e9
_RAREST, _NAME = 1e-12, 40


def number(value: float | None) -> str:
    """Return a number with the digits that matter; ``-`` for none."""
    if value is None or math.isnan(value):
        return "-"
    if not math.isfinite(value) or abs(value) >= _MOST:
        return f"{value:.4g}"
    if value == int(value):
        return f"{value:,.0f}"
    return f"{float(f'{value:.4g}'):,.0f}" if abs(value) >= _WHOLE else f"{value:.4g}"


def name(text: str) -> str:
    """Return a name in a sentence: cut in its middle where it is long."""
    return fit(text, _NAME)


def percent(value: float | None) -> str:
    """Return a share in percent; ``-`` for none."""
    if value is None or math.isnan(value):
        return "-"
    if 0.0 < abs(value) < _LEAST:
        return f"{100.0 * value:.1g} %"
    return f"{100.0 * value:.3g} %"


def chance(value: float) -> str:
    """Return a probability that is at most this; below any that matters, the least that does."""
    return f"{max(value, _RAREST):.2g}"


def moment(text: str) -> str:
    """Return a time of ISO 8601 for a reader: in UTC, to the minute."""
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return f"{time:%Y-%m-%d %H:%M}"


def batch(text: str) -> str:
    """Return what a batch is called: its time, at midnight its day; or a run as it is."""
    return moment(text).removesuffix(" 00:00") if "T" in text else text


def day(text: str) -> str:
    """Return a time's day; a text that isn't a time as it is."""
    return moment(text)[:10] if "T" in text else text


def value_of(kind: str, value: float) -> str:
    """Return a value of a column as a reader knows it: a time is kept in seconds."""
    if kind != "time":
        return number(value)
    try:
        time = datetime.fromtimestamp(round(value / 60.0) * 60.0, UTC)
        return f"{time:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    except (ValueError, OverflowError, OSError):
        return number(value)


def found(measured: Measured) -> str:
    """Return what a test has found, in sentences."""
    what = "share of missing values" if measured.test == ABSENCE else "distribution"
    window = "the last batch" if measured.window == 1 else f"the last {measured.window} batches"
    rest = percent(max(measured.threshold - measured.tolerance, 0.0))
    parts = f": {percent(measured.tolerance)} of tolerance, {rest} for chance"
    return (
        f"The {what} of {window} ({measured.rows:,} rows) is {percent(measured.distance)} away "
        f"from training's. The threshold is {percent(measured.threshold)}"
        f"{parts if measured.tolerance else ''}. Without drift, the probability of such a "
        f"distance is at most {chance(measured.chance)}."
    )
