"""Statistics of a table's column: what is missing, and how the rest is distributed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.metrics.catalogue import OTHER, PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CATEGORIES = 20
"""The most categories of a column whose rows are counted one by one; `OTHER` has the rest."""
MOST_DISTINCT = 100
"""The most distinct values of a column that is taken for categories: of more, such as names or ids
of persons, only the number is given."""
_NUMBERS = ("decimal", "floating", "integer", "boolean", "mixed-integer-float")


def statistics_of(column: Any) -> dict[str, Any]:
    """Return the statistics of a column.

    Args:
        column: a pandas Series.

    Returns:
        Plain data: ``values``, ``missing``; of numbers ``infinite``, and of the finite ones
        ``mean``, ``standard_deviation``, ``minimum``, ``maximum``, ``quantiles``; of categories
        ``distinct`` and ``categories``, the number of rows of each. What can't be told is left out.
    """
    import pandas

    missing = int(column.isna().sum())
    counts = {"values": len(column) - missing, "missing": missing}
    kind = pandas.api.types.infer_dtype(column, skipna=True) if column.dtype == object else ""
    if kind in _NUMBERS or _is_number(column.dtype):
        return {**counts, **_of_numbers(column)}
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        return counts
    return {**counts, **_of_categories(column)}


def _is_number(dtype: Any) -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype))


def _of_numbers(column: Any) -> dict[str, Any]:
    import numpy

    values = column.to_numpy(dtype="float64", na_value=math.nan)
    finite = values[numpy.isfinite(values)]
    infinite = int(numpy.isinf(values).sum())
    if not finite.size:
        return {"infinite": infinite}
    with numpy.errstate(all="ignore"):
        quantiles = numpy.quantile(finite, PROBABILITIES)
        numbers = {
            "mean": finite.mean(),
            "standard_deviation": finite.std(),
            "minimum": finite.min(),
            "maximum": finite.max(),
        }
    named = {f"{p:g}": q for p, q in zip(PROBABILITIES, quantiles, strict=True)}
    return {"infinite": infinite, **_finite(numbers), "quantiles": _finite(named)}


def _finite(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that are finite: sums of the largest doubles aren't."""
    return {name: float(number) for name, number in numbers.items() if math.isfinite(number)}


def _of_categories(column: Any) -> dict[str, Any]:
    try:
        counts = column.value_counts()
    except TypeError:  # Cells that have no hash, such as lists.
        return {}
    counts = counts[counts > 0]
    if len(counts) > MOST_DISTINCT:
        return {"distinct": len(counts)}
    rows: dict[str, int] = {}
    for value, count in counts.items():
        rows[str(value)] = rows.get(str(value), 0) + int(count)
    return {"distinct": len(counts), "categories": _bounded(rows)}


def _bounded(rows: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent categories, the same ones for the same rows."""
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[MOST_CATEGORIES:])
    kept = dict(ordered[:MOST_CATEGORIES])
    return {**kept, OTHER: kept.get(OTHER, 0) + rest} if rest else kept
