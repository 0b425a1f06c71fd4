"""What differs between two values, in words: the first column, element or key, and by how much."""

from __future__ import annotations

from typing import Any

from atlas.errors import clean

_LONGEST = 80


def difference_between(then: Any, now: Any, where: str = "") -> str:
    """Return the first difference between two values; empty where none is found.

    Args:
        then: the value as it was.
        now: the value as it is.
        where: what leads to them, such as ``['price']``.
    """
    if type(then) is not type(now):
        return f"{where or 'the value'} was {_shown(then)}, and is {_shown(now)}"
    if hasattr(then, "columns") and hasattr(then, "iloc"):
        return _of_tables(then, now)
    if hasattr(then, "shape") and hasattr(then, "dtype"):
        return _of_arrays(then, now, where or "the array")
    if isinstance(then, dict):
        return _of_mappings(then, now, where)
    if isinstance(then, list | tuple):
        return _of_sequences(then, now, where)
    return "" if then == now else _of_scalars(then, now, where or "the value")


def _of_scalars(then: Any, now: Any, where: str) -> str:
    text = f"{where} was {_shown(then)}, and is {_shown(now)}"
    is_number = isinstance(then, int | float) and not isinstance(then, bool)
    return f"{text} (by {abs(now - then):.6g})" if is_number else text


def _of_mappings(then: Any, now: Any, where: str) -> str:
    for key in then:
        if key not in now:
            return f"{where}[{_shown(key)}] is missing"
        text = difference_between(then[key], now[key], f"{where}[{_shown(key)}]")
        if text:
            return text
    more = [key for key in now if key not in then]
    return f"{where}[{_shown(more[0])}] is new" if more else ""


def _of_sequences(then: Any, now: Any, where: str) -> str:
    for index, (one, other) in enumerate(zip(then, now, strict=False)):
        text = difference_between(one, other, f"{where}[{index}]")
        if text:
            return text
    if len(then) != len(now):
        return f"{where or 'the list'} had {len(then)} elements, and has {len(now)}"
    return ""


def _of_tables(then: Any, now: Any) -> str:
    """Compare shape, columns, types and values, in this order."""
    if list(then.columns) != list(now.columns):
        return f"the columns were {_shown(list(then.columns))}, and are {_shown(list(now.columns))}"
    if len(then) != len(now):
        return f"the table had {len(then)} rows, and has {len(now)}"
    for position, name in enumerate(then.columns):
        one, other = then.iloc[:, position], now.iloc[:, position]
        text = _of_arrays(one.reset_index(drop=True), other.reset_index(drop=True),
                          f"column {_shown(name)}")  # fmt: skip
        if text:
            return text
    return "" if then.index.equals(now.index) else "the index differs"


def _of_arrays(then: Any, now: Any, where: str) -> str:
    """Compare two arrays or columns: how many elements differ, which is the first, how far."""
    import numpy as np

    if then.shape != now.shape:
        return f"{where} was of shape {then.shape}, and is of {now.shape}"
    if then.dtype != now.dtype:
        return f"{where} was of {then.dtype}, and is of {now.dtype}"
    one, other = np.asarray(then).ravel(), np.asarray(now).ravel()
    differs = one != other
    if one.dtype.kind in "fc":
        differs &= ~(np.isnan(one) & np.isnan(other))
    count = int(np.count_nonzero(differs))
    if not count:
        return ""
    first = int(np.argmax(differs))
    text = f"{where} differs in {count} of {one.size} elements, first in {first}"
    text = f"{text}: it was {_shown(one[first])}, and is {_shown(other[first])}"
    if one.dtype.kind not in "fiu":
        return text
    return f"{text}, at most by {np.nanmax(np.abs(other[differs] - one[differs])):.6g}"


def _shown(value: Any) -> str:
    return clean(repr(value.item() if hasattr(value, "item") else value), _LONGEST)
