"""The trials of a search as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

_FACTS = ("number", "round", "state", "value", "seconds", "error")


def table_of(history: Sequence[Any]) -> DataFrame:
    """Return a row for each trial: ``param.NAME``, ``metric.NAME``, and how it ended."""
    from pandas import DataFrame

    return DataFrame([_row(trial) for trial in history])


def _row(trial: Any) -> dict[str, Any]:
    params = {f"param.{name}": _cell(value) for name, value in trial["params"].items()}
    metrics = {f"metric.{name}": value for name, value in sorted(trial["metrics"].items())}
    facts = {name: trial[name] for name in _FACTS}
    return {**facts, **params, **metrics}


def _cell(value: Any) -> Any:
    """Return a param as a column can hold it beside others."""
    from atlas.values import canonical

    return canonical(value) if isinstance(value, list | dict) else value
