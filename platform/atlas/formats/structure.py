"""Whether a written table comes back as it was given: by its structure, without its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats.columns import name_of
from atlas.formats.frames import freq_of, restored

if TYPE_CHECKING:
    from atlas.formats.trust import Trust


def proven(frame: Any, empty: Any, facts: dict[str, Any], trust: Trust) -> dict[str, Any]:
    """Return facts with which a written table comes back as it was given, by its structure.

    Args:
        frame: what was given.
        empty: the file's table without its rows.
        facts: those of `as_written`.
        trust: what cells may be made of.

    Raises:
        StoreError: a column, a label or the index would come back as another.
    """
    back = restored(empty, facts, trust)
    names = [*facts.get("names", frame.columns)]
    for i, name in enumerate(names):
        given, returned = frame.dtypes.iloc[i], back.dtypes.iloc[i]
        if not _same_type(given, returned) and name not in facts.get("columns", {}):
            facts.setdefault("columns", {})[name] = _mended(given, name)
    back = restored(empty, facts, trust)
    for i in range(len(names)):
        given, returned = frame.dtypes.iloc[i], back.dtypes.iloc[i]
        if not _same_type(given, returned):
            raise _changed(f"column {clean(repr(frame.columns[i]), 80)}", given, returned)
    _compare_labels("the columns", frame.columns, back.columns, whole=True)
    _compare_labels("the index", frame.index, back.index, whole=False)
    if back.attrs != frame.attrs:
        raise _changed("attrs", frame.attrs, back.attrs)
    return facts


def _same_type(dtype: Any, other: Any) -> bool:
    categories = getattr(dtype, "categories", None)
    same = bool(dtype == other) and type(dtype) is type(other)
    return same and (categories is None or categories.identical(other.categories))


def _compare_labels(what: str, given: Any, returned: Any, *, whole: bool) -> None:
    for i in range(given.nlevels):
        before, after = given.get_level_values(i), returned.get_level_values(i)
        if type(before) is not type(after) or not _same_type(before.dtype, after.dtype):
            raise _changed(what, f"{type(before).__name__} of {before.dtype}",
                           f"{type(after).__name__} of {after.dtype}")  # fmt: skip
        if repr(before.name) != repr(after.name):
            raise _changed(f"the name of {what}", before.name, after.name)
        if whole and [(type(a), repr(a)) for a in before] != [(type(a), repr(a)) for a in after]:
            raise _changed(what, list(before), list(after))
    if freq_of(given) != freq_of(returned):
        raise _changed(f"the frequency of {what}", freq_of(given), freq_of(returned))


def _changed(what: str, given: Any, returned: Any) -> StoreError:
    before, after = clean(str(given), 120), clean(str(returned), 120)
    hint = 'convert it first, or keep the output as "pickle"'
    return StoreError(f"{what} is {before}, and would come back as {after}; {hint}")


def _mended(kind: Any, name: str) -> dict[str, Any]:
    """Return how a column that is read as another type is made what it was."""
    text = name_of(kind)
    return {"kind": "arrow", "name": name} if text is None else {"kind": "cast", "dtype": text}
