"""What training learns of a table, for what comes later to be compared with.

Rows are counted once. Then they are put in order of time and cut into blocks that are as long as
the interval of a batch: what the blocks differ by is neither drift nor a breach. That needs a
column of times: the order of a table's rows isn't an order of time. It may be shuffled, or sorted
by label.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor.learnt import LearntTable
from atlas.monitor.novelty import limit, new_rows, numbers, rare
from atlas.monitor.tables import TableColumns
from atlas.monitor.tolerance import LEAST, Tolerances, propose
from atlas.profiles.columns import COUNTED, moments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import ndarray

    from atlas.monitor.estimate import Calibration
    from atlas.profiles.profile import Feature, Profile

    Array = ndarray[Any, Any]

BLOCKS = 40
"""How many blocks are compared: of more, some that are spread over all."""
ROWS = 400_000
"""How many rows of all blocks together are counted: of longer blocks, some that are spread."""
FEWEST_ROWS = 30
"""Of a block: a shorter one says nothing."""
_RISK = 1e-4
"""The probability that a block's rows are taken for new ones that are so by chance."""
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class WhatToLearn:
    """What a training Plan says of one table.

    Attributes:
        source: the step's output that it is, as ``step.output``.
        columns: the columns' names.
        times: columns that may have the rows' time; the first one that is there has it.
        every: seconds of a batch's interval; 0 where no schedule says it.
        score: column with the score of the positive class, or empty.
        label: column with the label, or empty.
        positive: the label of that class.
    """

    source: str
    columns: tuple[str, ...]
    times: tuple[str, ...] = ()
    every: float = 0.0
    score: str = ""
    label: str = ""
    positive: Any = True


def learn(table: Any, what: WhatToLearn) -> tuple[Profile, LearntTable, list[str]]:
    """Return the counts of a table's columns, what else is learnt of it, and what couldn't be.

    Args:
        table: of pandas, pyarrow or polars.
        what: what to learn.

    Returns:
        The counts; the rest, without the counts' digest; notes in words.
    """
    from atlas.profiles.measure import reference

    columns, notes = TableColumns(table, what.columns), []
    profile = reference(columns)
    blocks = _Blocks.of(table, what)
    parts = [_batch(columns, places, profile) for places in blocks.places]
    differ = _OfBlocks.of(profile, parts)
    calibration, note = _calibration(table, what)
    if note:
        notes.append(note)
    learnt = LearntTable(
        "",
        len(table),
        what.source,
        differ.tolerances,
        blocks.time,
        blocks.seconds,
        outside=differ.outside,
        gaps=differ.gaps,
        varying=differ.varying,
        score=what.score if calibration else "",
        calibration=calibration,
    )
    return profile, learnt, notes


def _batch(columns: TableColumns, places: Array, profile: Profile) -> Profile:
    from atlas.profiles.measure import batch

    return batch(columns.rows(places), profile)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks of a table's rows.

    Attributes:
        places: of each block, which rows.
        time: the column that they are in order of; empty without one.
        seconds: how long each is, or 0.
    """

    places: Sequence[Array]
    time: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, table: Any, what: WhatToLearn) -> _Blocks:
        """Cut a table into blocks; into none, where it has no times, or too few rows."""
        import numpy

        columns = TableColumns(table, what.times)
        for name in columns:
            when = moments(columns[name])
            if when is not None:
                order = numpy.argsort(when, kind="stable")
                order = order[: len(order) - int(numpy.isnan(when).sum())]
                return cls._in_time(order, when, name, what.every)
        return cls(())

    @classmethod
    def _in_time(cls, order: Array, when: Array, name: str, every: float) -> _Blocks:
        import numpy

        if every:
            _, starts = numpy.unique(numpy.floor(when[order] / every), return_index=True)
            parts = numpy.split(order, starts[1:]) if len(order) else []
            parts = [part for part in parts if len(part) >= FEWEST_ROWS]
            if len(parts) >= LEAST:
                return cls(_spread(parts), name, every)
        return cls(_spread(_equal(order)), name)


def _equal(order: Array) -> list[Array]:
    """Return blocks of equally many rows."""
    import numpy

    count = min(BLOCKS, len(order) // FEWEST_ROWS)
    return numpy.array_split(order, count) if count >= LEAST else []


def _spread(parts: list[Array]) -> list[Array]:
    """Return at most `BLOCKS` of the blocks, of at most `ROWS` rows in all.

    Multiples of the golden section are near no season's multiples.
    """
    import numpy

    if len(parts) > BLOCKS:
        chosen = sorted({int(len(parts) * (i * _GOLDEN % 1.0)) for i in range(1, BLOCKS + 1)})
        parts = [parts[i] for i in chosen]
    most = max(ROWS // max(len(parts), 1), FEWEST_ROWS)
    even = [numpy.linspace(0, len(p) - 1, min(most, len(p))).astype(numpy.int64) for p in parts]
    return [numpy.sort(part[places]) for part, places in zip(parts, even, strict=True)]


@dataclass(frozen=True, slots=True)
class _OfBlocks:
    """What blocks differ by; each field is one of `LearntTable`."""

    tolerances: Tolerances | None = None
    outside: dict[str, float] = field(default_factory=dict)
    gaps: dict[str, float] = field(default_factory=dict)
    varying: tuple[str, ...] = ()

    @classmethod
    def of(cls, profile: Profile, parts: Sequence[Profile]) -> _OfBlocks:
        """Compare blocks with all rows; nothing is learnt of too few."""
        if len(parts) < LEAST or not profile.features:
            return cls()
        varying = tuple(
            name for name in profile.features if all(_varies(part.features[name]) for part in parts)
        )
        shares = _outside(profile, parts), _gaps(profile, parts)
        return cls(propose(profile, parts), *shares, varying)


def _outside(profile: Profile, parts: Sequence[Profile]) -> dict[str, float]:
    """Return the largest share of a block that is new, where that is more than chance explains."""
    features = [*profile.features.values()]
    once, present = numbers(features, rare), numbers(features, lambda f: f.present)

    def shares(blocks: Sequence[Feature]) -> tuple[Array, Array]:
        rows = numbers(blocks, lambda f: f.present)
        pairs = zip(blocks, features, strict=True)
        new = [new_rows(block, whole.counts - block.counts) for block, whole in pairs]
        return _share(new, rows), limit(once, present - rows, rows, _RISK, 0.0)

    return _largest(features, parts, shares)


def _gaps(profile: Profile, parts: Sequence[Profile]) -> dict[str, float]:
    """Return the largest share of missing values, where that is more than chance explains."""
    features = [*profile.features.values()]
    missing, all_rows = (numbers(features, of) for of in (_missing, lambda f: f.rows))

    def shares(blocks: Sequence[Feature]) -> tuple[Array, Array]:
        rows, own = numbers(blocks, lambda f: f.rows), numbers(blocks, _missing)
        return _share(own, rows), limit(missing - own, all_rows - rows, rows, _RISK, 0.0)

    return _largest(features, parts, shares)


def _missing(feature: Feature) -> float:
    return float(feature.missing)


def _share(count: Any, rows: Array) -> Array:
    import numpy

    shares: Array = numpy.asarray(count) / numpy.maximum(rows, 1)
    return shares


def _largest(
    features: Sequence[Feature],
    parts: Sequence[Profile],
    shares: Callable[[Sequence[Feature]], tuple[Array, Array]],
) -> dict[str, float]:
    """Return each feature's largest share of all blocks, of those above the limit of chance."""
    import numpy

    most = numpy.zeros(len(features))
    for part in parts:
        share, by_chance = shares([part.features[feature.name] for feature in features])
        most = numpy.maximum(most, numpy.where(share > by_chance, share, 0.0))
    pairs = zip(features, most.tolist(), strict=True)
    return {feature.name: share for feature, share in pairs if share}


def _varies(block: Feature) -> bool:
    """Tell whether a block has different values, or too few to tell."""
    if block.present <= 1:
        return True
    if block.kind in COUNTED:
        return bool((block.counts > 0).sum() > 1 or block.counts[-1])
    return block.low != block.high


def _calibration(table: Any, what: WhatToLearn) -> tuple[Calibration | None, str]:
    """Return how often which score was right, and why that isn't known."""
    import numpy

    from atlas.monitor.estimate import calibrate

    if not what.score or not what.label:
        return None, ""
    columns = TableColumns(table, (what.score, what.label))
    gone = [name for name in (what.score, what.label) if name not in columns]
    if gone:
        return None, f"the table has no column '{gone[0]}', so nothing can be estimated later"
    labels = _values(columns[what.label])
    try:
        scores = numpy.asarray(_values(columns[what.score]), dtype=numpy.float64)
        known = numpy.array([label is not None and label == label for label in labels])  # noqa: PLR0124
        known &= numpy.isfinite(scores)
        yes = numpy.array([bool(label == what.positive) for label in labels])
        return calibrate(scores[known], yes[known]), ""
    except (ProfileError, TypeError, ValueError) as error:
        return None, f"nothing can be estimated later of {what.score} and {what.label}: {error}"


def _values(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist() if hasattr(column, "to_pylist") else column.tolist()
    return values
