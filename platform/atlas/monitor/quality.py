"""Data quality: what the training data promise of every batch, checked before drift is looked at.

Each check compares a batch's counts with those of training, so it costs nothing beyond them:

- ``rows``: there are some;
- ``columns``: every column that was there at training is;
- ``types``: each value is of its column's kind;
- ``missing``: no more values are missing than at training;
- ``range``: no more numbers, or lengths of texts, are outside training's range than chance
  explains, and none is further outside than ten times the range is wide;
- ``categories``: no more rows have a category that training hasn't seen than chance explains; none,
  where training has seen each at least five times;
- ``constant``: not all rows have one value, in a column that varied in every block of training.

Chance is what less than one batch of a million has. What the training data's own blocks show, such
as a day with many missing values, or times that are always new, is expected of batches, too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.load.words import nearest
from atlas.monitor.breach import Breach
from atlas.monitor.novelty import limit, numbers, rare
from atlas.monitor.quality_rule import (
    CATEGORIES,
    COLUMNS,
    CONSTANT,
    MISSING,
    RANGE,
    ROWS,
    TYPES,
    ColumnRule,
    QualityRule,
)
from atlas.profiles.columns import BOOLEAN, COUNTED, NUMBER, TEXT, TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy import ndarray

    from atlas.monitor.references import LearntTable
    from atlas.profiles.profile import Feature, Profile

    Array = ndarray[Any, Any]

RISK = 1e-6
"""The probability that a check of one column takes chance for a breach."""
_FAR = 10.0
"""How many widths of its range a value of training may be outside of it."""
_OFTEN = 5
"""Where training has seen each category at least so often, there are no others."""
_SHOWN = 3


def breaches(
    table: str,
    batch: Profile,
    reference: tuple[Profile, LearntTable],
    rule: QualityRule,
    *,
    rows: int,
    columns: Collection[str] = (),
) -> list[Breach]:
    """Return what a batch breaks of what the training data promise.

    Args:
        table: ``features`` or ``predictions``.
        batch: its counts, beside the reference.
        reference: the counts of training, and what was learnt besides.
        rule: what the Config says.
        rows: how many rows the batch has.
        columns: the names of all columns of the batch, to tell which one was renamed.
    """
    profile, learnt = reference
    if not rows:
        empty = Breach(table, "", ROWS, "there are no rows", "at least 1")
        return [empty] if ROWS in rule.checks else []
    gone = [name for name in profile.features if name not in batch.features]
    new = [name for name in columns if name not in profile.features]
    found = [_gone(table, name, rows, new) for name in gone if _checked(rule, name, COLUMNS)]
    there = [(then, batch.features[n]) for n, then in profile.features.items() if n not in gone]
    limits = _Limits(there, learnt)
    for index, (then, now) in enumerate(there):
        own = rule.of(now.name)
        for check, broken in _COLUMN_CHECKS:
            if own.checks is not None and check in own.checks:
                one = broken(then, now, own, limits, index)
                found += [Breach(table, now.name, check, *one)] if one else []
    return found


def _checked(rule: QualityRule, column: str, check: str) -> bool:
    return check in (rule.of(column).checks or ())


def _gone(table: str, name: str, rows: int, new: Sequence[str]) -> Breach:
    hint = nearest(name, new)
    found = f"the table has no such column{f' ({hint})' if hint else ''}"
    return Breach(table, name, COLUMNS, found, "one, as at training", rows)


_Broken = tuple[str, str, int]
"""What was found, what was expected, how many rows."""


class _Limits:
    """The largest shares of rows that chance, and the blocks of training, explain."""

    def __init__(self, pairs: Sequence[tuple[Feature, Feature]], learnt: LearntTable) -> None:
        self.outside, self.varying = learnt.outside, {*learnt.varying}
        missing = learnt.tolerances.missing if learnt.tolerances else {}
        then, now = [then for then, _ in pairs], [now for _, now in pairs]
        rows = numbers(then, lambda f: f.rows), numbers(now, lambda f: f.rows)
        present = numbers(then, lambda f: f.present), numbers(now, lambda f: f.present)
        allowed = numbers(then, lambda f: max(missing.get(f.name, 0.0), _gap(f, learnt)))
        outside = numbers(then, lambda f: self.outside.get(f.name, 0.0))
        self.missing = limit(numbers(then, lambda f: f.missing), *rows, RISK, allowed)
        self.below = limit(numbers(then, _lowest), *present, RISK, outside)
        self.beyond = limit(numbers(then, rare), *present, RISK, outside)


def _gap(feature: Feature, learnt: LearntTable) -> float:
    """Return how many more values are missing in one block of training than in all."""
    share = feature.missing / max(feature.rows, 1)
    return max(learnt.gaps.get(feature.name, 0.0) - share, 0.0)


def _lowest(feature: Feature) -> float:
    """Return how many rows have the least value, or lie up to the first cut point."""
    return float(feature.counts[0]) if feature.kind not in COUNTED else 0.0


def _types(then: Feature, now: Feature, *_: Any) -> _Broken | None:
    if not now.foreign:
        return None
    found = f"{now.foreign:,} of {now.rows:,} rows can't be read as a {then.kind}"
    return found, f"a {then.kind} in each, as at training", now.foreign


def _missing(
    then: Feature, now: Feature, rule: ColumnRule, limits: _Limits, index: int
) -> _Broken | None:
    most = float(limits.missing[index]) if rule.missing is None else rule.missing
    if now.missing <= most * now.rows:
        return None
    found = f"{_share(now.missing, now.rows)} have no value"
    before = (
        "" if rule.missing is not None else f": at training {_percent(then.missing, then.rows)}"
    )
    return found, f"at most {_percent(most)}{before}", now.missing


def _range(
    then: Feature, now: Feature, rule: ColumnRule, limits: _Limits, index: int
) -> _Broken | None:
    if then.kind not in (NUMBER, TEXT) or not now.present or not then.present:
        return None
    low = then.low if rule.minimum is None else rule.minimum
    high = then.high if rule.maximum is None else rule.maximum
    what = "length" if then.kind == TEXT else "value"
    expected = f"a {what} from {low:g} to {high:g}"
    width = _FAR * (then.high - then.low) if now.name not in limits.outside else math.inf
    if now.high > high:
        far = rule.maximum is not None or 0.0 < width < now.high - high
        above = 0 if rule.maximum is not None else int(now.counts[-1])
        if far or above > float(limits.beyond[index]) * now.present:
            return _outside(now.high, above, now.present, what), expected, above
    if now.low < low:
        far = rule.minimum is not None or 0.0 < width < low - now.low
        below = 0 if rule.minimum is not None else int(now.counts[0])
        if far or below > float(limits.below[index]) * now.present:
            return _outside(now.low, below, now.present, what), expected, below
    return None


def _outside(value: float, rows: int, present: int, what: str) -> str:
    share = f" in {_share(rows, present)}" if rows > 1 else ""
    return f"a {what} as far as {value:g}{share}" if share else f"the {what} {value:g}"


def _categories(
    then: Feature, now: Feature, rule: ColumnRule, limits: _Limits, index: int
) -> _Broken | None:
    if then.kind not in COUNTED or not now.present or not then.present:
        return None
    new = int(now.counts[-1] + now.counts[:-1][then.counts[:-1] == 0].sum())
    seen = then.counts[:-1][then.counts[:-1] > 0]
    is_closed = not then.counts[-1] and seen.min() >= _OFTEN and now.name not in limits.outside
    if new <= (0.0 if is_closed else float(limits.beyond[index]) * now.present):
        return None
    names = [*now.unseen, *_empty(then, now)][:_SHOWN]
    shown = ", ".join(map(repr, names))
    known = "true or false" if then.kind == BOOLEAN and len(seen) > 1 else _known(then)
    text = f"{_share(new, now.present)} have a category that training hasn't seen: {shown}"
    return text, known, new


def _empty(then: Feature, now: Feature) -> list[str]:
    """Return categories that are counted, weren't there at training and are there now."""
    counts = zip(then.cells, then.counts.tolist(), now.counts.tolist(), strict=False)
    return [cell for cell, before, after in counts if after and not before]


def _known(then: Feature) -> str:
    seen = [cell for cell, count in zip(then.cells, then.counts, strict=False) if count]
    more = f" or {len(seen) - _SHOWN} others" if len(seen) > _SHOWN else ""
    return f"{', '.join(map(repr, seen[:_SHOWN]))}{more}"


def _constant(
    then: Feature, now: Feature, rule: ColumnRule, limits: _Limits, index: int
) -> _Broken | None:
    if then.kind == TIME or now.name not in limits.varying or now.present <= 1:
        return None
    value, seen = _only_value(then, now)
    share = (seen + 1) / (then.present + 1)
    if not value or (now.present - 1) * math.log(share) > math.log(RISK):
        return None
    return f"all {now.present:,} rows have {value}", "different values, as at training", now.present


def _only_value(then: Feature, now: Feature) -> tuple[str, int]:
    """Return the only value of a column, in words, and in how many rows of training it can be."""
    import numpy

    if then.kind in COUNTED:
        (cells,) = numpy.nonzero(now.counts)
        if len(cells) > 1 or cells[0] >= len(then.cells):
            return "", 0
        return repr(then.cells[cells[0]]), int(then.counts[cells[0]])
    if now.low != now.high:
        return "", 0
    place = int(numpy.searchsorted(then.cuts, now.low, side="left"))
    what = "the length" if then.kind == TEXT else "the value"
    return f"{what} {now.low:g}", int(then.counts[place])


def _share(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows"


def _percent(count: float, rows: int = 1) -> str:
    return f"{100.0 * count / max(rows, 1):.3g} %"


_COLUMN_CHECKS: tuple[tuple[str, Callable[..., _Broken | None]], ...] = (
    (TYPES, _types),
    (MISSING, _missing),
    (RANGE, _range),
    (CATEGORIES, _categories),
    (CONSTANT, _constant),
)


def sentences(found: Sequence[Breach], most: int = 10) -> Iterator[str]:
    """Give breaches in words, a sentence each, and how many others there are."""
    yield from map(str, found[:most])
    if len(found) > most:
        yield f"there are {len(found) - most} more breaches of the training data's promises"
