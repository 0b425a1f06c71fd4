"""How a card writes numbers, intervals and its title, on every kind of page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.cards.card import CardMetric, ModelCard


def title(card: ModelCard) -> str:
    """Return what the page is called."""
    return f"{card.model}, version {card.version}"


def number(value: float | None) -> str:
    """Return a number with the digits that matter; ``-`` for none."""
    return "-" if value is None else f"{value:.4g}"


def interval(metric: CardMetric) -> tuple[str, str]:
    """Return a metric's interval, and how it was found or why there is none."""
    if metric.low is None or metric.high is None:
        return "-", metric.method
    return f"{number(metric.low)} to {number(metric.high)}", metric.method


def row_count(rows: int | None) -> str:
    """Return a number of rows; ``-`` where it isn't known."""
    return "-" if rows is None else f"{rows:,}"
