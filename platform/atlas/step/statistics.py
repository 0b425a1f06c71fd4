"""What a step counts besides its metrics: rows, how fresh data are, and the Config's statistics.

Only the columns that the Config names are looked at. Nothing here fails a step: what can't be
counted is left out, with a note.
"""

from __future__ import annotations

from datetime import UTC, datetime
from numbers import Number
from typing import TYPE_CHECKING, Any

from atlas.formats.stamping import column_names, library_of
from atlas.step.failure import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.step.data import DataHandle
    from atlas.step.job import Job

OUTPUTS, READ, WRITTEN = "outputs", "read", "written"
MOST_SHOWN = 100
"""How many columns of a table become metrics, the first ones: each is some fifteen series."""
_MOST_RECORDED, _LOOKED_AT = 1000, 1000
"""Columns whose types are recorded, and rows that say what a column of objects holds."""
KINDS = ("features", "predictions")
"""Fields of a Config's ``statistics``."""


def wanted_of(plan: Plan, step: PlanStep) -> dict[str, Mapping[str, Any]]:
    """Return the fields of ``statistics`` that are about an output of a step."""
    return {kind: spec for kind, spec in plan.statistics.items() if spec["step"] == step.name}


def counted(
    job: Job, outputs: Mapping[str, Any], handles: Iterable[DataHandle]
) -> tuple[dict[str, Any], list[str]]:
    """Return what is counted of a step's outputs and data, as plain data, and notes.

    Args:
        job: the step's.
        outputs: by name.
        handles: the data sets that the step was given.
    """
    rows = {name: {"rows": len(value)} for name, value in outputs.items() if library_of(value)}
    notes: list[str] = []
    counts: dict[str, Any] = {OUTPUTS: rows}
    for handle in handles:
        for action, facts in handle.observed.items():
            if facts:
                counts.setdefault(action, {})[handle.name] = facts
    # Those of one key would be series of the same name as the next one's.
    wanted = {} if job.step.foreach else wanted_of(job.plan, job.step)
    for kind, spec in wanted.items():
        try:
            counts[kind] = dict(_of_columns(outputs.get(spec["output"]), spec, notes, kind))
        except Exception as error:
            notes.append(f"statistics.{kind}: {one_line(error)}")
    return {name: value for name, value in counts.items() if value}, notes


def _of_columns(
    table: Any, spec: Mapping[str, Any], notes: list[str], kind: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the statistics of the columns that are asked for; of others that there are, a note."""
    from atlas.metrics.statistics import statistics_of

    if not library_of(table):
        notes.append(f"statistics.{kind}: output '{spec['output']}' isn't a table")
        return
    there = set(column_names(table))
    missing = [name for name in spec["columns"] if name not in there]
    if missing:
        others = f" (and {len(missing) - 1} others)" if missing[1:] else ""
        notes.append(f"statistics.{kind}: the table has no column '{missing[0]}'{others}")
    for name in spec["columns"][:MOST_SHOWN]:
        if name in there:
            yield name, statistics_of(_column(table, name))


def _column(table: Any, name: str) -> Any:
    """Return a column as a pandas Series; of several with one name, the first."""
    if library_of(table) == "pandas":
        column = table[name]
        return column if column.ndim == 1 else column.iloc[:, 0]
    import pandas

    column = table.column(name) if library_of(table) == "arrow" else table.get_column(name)
    return pandas.Series(column.to_pandas())


def observed_read(value: Any, time: str) -> dict[str, Any]:
    """Return the number of rows of data that were read, and how old the newest row is.

    Args:
        value: what was read.
        time: the column with the rows' time, or empty.
    """
    if not library_of(value):
        return {}
    facts: dict[str, Any] = {"rows": len(value)}
    newest = _newest(value, time) if time and time in column_names(value) else None
    if newest is not None:
        facts |= {"newest": newest, "age": datetime.now(UTC).timestamp() - newest}
    return facts


def observed_columns(value: Any) -> dict[str, Any]:
    """Return name and type of the first columns of a table; a column of objects by its values.

    Args:
        value: what was read.
    """
    library = library_of(value)
    if not library:
        return {}
    types = value.schema.types if library == "arrow" else value.dtypes
    pairs = zip(column_names(value), types, range(_MOST_RECORDED), strict=False)
    named = [{"name": str(name), "type": str(kind)} for name, kind, _ in pairs]
    for at, one in enumerate(named):
        if one["type"] == "object" and _holds_texts(value.iloc[:_LOOKED_AT, at]):
            one["type"] = "str"
    return {"columns": named}


def _holds_texts(column: Any) -> bool:
    from pandas.api.types import infer_dtype

    return bool(infer_dtype(column, skipna=True) == "string")


def _newest(table: Any, name: str) -> float | None:
    """Return the greatest time of a column in seconds since 1970; a time without a zone is UTC's.

    Texts are taken for ISO 8601, the greatest of which is the latest.
    """
    import pandas

    column = _column(table, name).dropna()
    try:
        greatest = column.max() if len(column) else None
        newest = pandas.NaT if isinstance(greatest, Number) else pandas.Timestamp(greatest)
    except (TypeError, ValueError):
        return None
    if newest is pandas.NaT:
        return None
    return float((newest if newest.tzinfo else newest.tz_localize("UTC")).timestamp())
