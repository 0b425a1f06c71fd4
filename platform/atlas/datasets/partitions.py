"""Folders of parts: which file a run writes, and which ones it reads.

A part's folders say what is in it: ``region=emea/interval=2026-01-01T00:00:00Z/part.parquet``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.data_formats import FORMATS, is_part
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.datasets.fields import RunFacts

APPEND, REPLACE, MERGE = "append", "replace interval", "merge"
"""What writing does, as a Config's ``write`` says."""
INTERVAL = "{interval}"
DANGLING = "is a link to nothing, or was removed; mend the link, or remove it"
"""What is said of a part that is listed and isn't there."""
_AXIS = "{axis:"


def axis_of(placeholder: str) -> str:
    """Return the axis of a placeholder ``{axis:region}``; empty for the interval's."""
    return placeholder[len(_AXIS) : -1] if placeholder.startswith(_AXIS) else ""


def part_key(partition: Sequence[str], mode: str, format: str, facts: RunFacts) -> str:
    """Return the key of the part that a run writes, below its data set's folder.

    Args:
        partition: the Config's placeholders; empty for every axis, then the interval.
        mode: what writing does; `APPEND` gives each run of a step a file of its own.
        format: its format, for the ending.
        facts: what is known of the run.

    Raises:
        StoreError: a placeholder has no value here.
    """
    folders = [f"{name}={value}" for name, value in _values(partition, facts)]
    known = FORMATS.get(format)
    ending = known.endings[0] if known else format
    named = "-".join(filter(None, ("part", facts.id, facts.writer.replace("/", "."))))
    name = named if mode == APPEND else "part"
    return "/".join([*folders, f"{name}.{ending}"])


def _values(partition: Sequence[str], facts: RunFacts) -> list[tuple[str, str]]:
    """Return the name and value of each folder."""
    start = facts.start.replace("/", "-")
    if not partition:
        named = [*sorted(facts.axes.items()), ("interval", start)]
        return [(name, value) for name, value in named if value]
    values = []
    for placeholder in partition:
        axis = axis_of(placeholder)
        value = facts.axes.get(axis, "") if axis else start
        if not value:
            raise StoreError(f"partition: {placeholder} has no value: {_missing(axis)}")
        values.append((axis or "interval", value))
    return values


def _missing(axis: str) -> str:
    if axis:
        return f"the pipeline isn't a member of a family with the axis '{axis}'"
    return no_interval()


def no_interval(what: str = "") -> str:
    """Return the message for a run without an interval, and what to do.

    Args:
        what: what the run would do with one, or empty.
    """
    from atlas.advice import mention

    by_hand = mention("run", "--interval", "A..B")
    return f"the run has no interval{what}; give it one ({by_hand}, or the flow's schedule)"


def parts_read(
    keys: Iterable[str], partition: Sequence[str], format: str, facts: RunFacts
) -> list[str]:
    """Return the keys of the parts that a run reads, in the order of their folders.

    Of a partitioned data set, a member of a family reads its own parts, and a run with an interval
    the parts whose interval starts in it; without a partition, everything is read.
    """
    parts = [key for key in keys if is_part(key, format) and not is_hidden(key)]
    for placeholder in partition:
        axis = axis_of(placeholder)
        if axis and facts.axes.get(axis):
            wanted = f"{axis}={facts.axes[axis]}"
            parts = [key for key in parts if wanted in key.split("/")]
        elif not axis and facts.start:
            parts = [key for key in parts if _starts_in(key, facts)]
    return sorted(parts)


def parts_replaced(
    keys: Iterable[str], new: str, partition: Sequence[str], format: str, facts: RunFacts
) -> list[str]:
    """Return the parts that a run's new part takes the place of: those that start in its interval.

    They are of the run's own axes, and named as Atlas names parts; other files stay.

    Args:
        keys: the files of the folder.
        new: the key of the new part.
        partition: the Config's placeholders.
        format: its format.
        facts: what is known of the run, which has an interval.
    """
    own = partition or [*(f"{_AXIS}{axis}}}" for axis in sorted(facts.axes)), INTERVAL]
    if INTERVAL not in own:
        return []
    found = parts_read(keys, own, format, facts)
    named = [key for key in found if key.rpartition("/")[2].startswith(("part.", "part-"))]
    return [key for key in named if key != new]


def joined(parts: Mapping[str, Any], format: str) -> Any:
    """Return one part as it is; tables in one table; anything else as a list.

    Args:
        parts: key of each part → what is in it.
        format: their format. Rows of JSON may lack what they have no value for.

    Raises:
        StoreError: the columns of one are others than those of the first.
    """
    first, *others = parts
    if not others:
        return parts[first]
    if not all(hasattr(part, "columns") for part in parts.values()):
        return list(parts.values())
    if format not in ("json", "jsonl"):
        for other in others:
            _check_columns(first, parts[first], other, parts[other])
    import pandas

    return pandas.concat(list(parts.values()), ignore_index=True)


def _check_columns(first: str, known: Any, name: str, part: Any) -> None:
    missing = [column for column in known.columns if column not in part.columns]
    more = [column for column in part.columns if column not in known.columns]
    if missing or more:
        found = [f"lacks {clean(', '.join(map(str, missing)), 200)}"] if missing else []
        found += [f"has {clean(', '.join(map(str, more)), 200)} besides"] if more else []
        text = f"the part {name} {' and '.join(found)}, compared with {first}"
        raise StoreError(f"{text}; expected the same columns: write it again, or move it away")


def is_hidden(key: str) -> bool:
    """Tell whether a file, or a folder above it, is none of a data set's."""
    return any(part[:1] in (".", "_") for part in key.split("/"))


def _starts_in(key: str, facts: RunFacts) -> bool:
    """Tell whether a part's interval starts within that of the run."""
    name = "interval="
    told = next((part for part in key.split("/") if part.startswith(name)), "")
    start = told.removeprefix(name)
    if start == facts.start:
        return True
    try:
        moment = _moment(start)
        return _moment(facts.start) <= moment < _moment(facts.end or facts.start)
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
