"""What a Config promises of a data set, checked when it is read.

The words are those of a Config's ``quality``: ``rows``, ``missing``, ``minimum``, ``maximum``, and
kinds of columns, which are told in the same way. These are stated, those are learnt at training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import clean
from atlas.formats.stamping import column_names, library_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SHOWN = 3


def broken_checks(table: Any, checks: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each check that a table breaks.

    Args:
        table: a DataFrame, or an Arrow table.
        checks: ``rows``, ``columns`` and ``unique``, as a Config's schema has them.
    """
    if not library_of(table):
        return ["checks: what was read isn't a table; expected one"]
    names = column_names(table)
    found = list(_rows(len(table), checks.get("rows", {})))
    for name, rule in checks.get("columns", {}).items():
        if name in names:
            found += _column(table, name, rule)
        elif not rule.get("optional"):
            shown = clean(", ".join(map(str, names)), 200)
            found.append(f"checks.columns.{name}: there is no such column; it has {shown}")
    for columns in checks.get("unique", ()):
        found += _unique(table, columns, names)
    return found


def _rows(rows: int, rule: Mapping[str, Any]) -> Iterator[str]:
    least, most = rule.get("minimum"), rule.get("maximum")
    if least is not None and rows < least:
        yield f"checks.rows: found {rows:,}, expected at least {least:,}"
    if most is not None and rows > most:
        yield f"checks.rows: found {rows:,}, expected at most {most:,}"


def _column(table: Any, name: str, rule: Mapping[str, Any]) -> Iterator[str]:
    """Check one column."""
    from atlas.profiles import columns

    values = _series(table, name)
    where = f"checks.columns.{name}"
    kind = rule.get("type")
    told = columns.read(values, kind)
    if kind and told.foreign:
        yield f"{where}.type: {told.foreign:,} of {told.rows:,} rows aren't of the type {kind}"
    share, most = told.missing / max(told.rows, 1), rule.get("missing")
    if most is not None and share > most:
        found = f"{told.missing:,} of {told.rows:,} rows ({share:.2%})"
        yield f"{where}.missing: found {found}, expected at most {most:.2%}"
    if len(told.values):
        yield from _range(where, rule, float(told.values[0]), float(told.values[-1]), told.kind)
    if "values" in rule:
        yield from _allowed(where, values, rule["values"])


def _range(
    where: str, rule: Mapping[str, Any], low: float, high: float, kind: str
) -> Iterator[str]:
    what = "the shortest text has" if kind == "text" else "found"
    least, most = rule.get("minimum"), rule.get("maximum")
    if least is not None and low < least:
        yield f"{where}.minimum: {what} {low:g}, expected at least {least:g}"
    what = "the longest text has" if kind == "text" else "found"
    if most is not None and high > most:
        yield f"{where}.maximum: {what} {high:g}, expected at most {most:g}"


def _allowed(where: str, values: Any, allowed: Sequence[Any]) -> Iterator[str]:
    others = values.dropna()
    others = others[~others.isin(list(allowed))]
    if len(others):
        shown = clean(", ".join(map(repr, others.unique()[:_SHOWN].tolist())), 120)
        yield f"{where}.values: {len(others):,} rows have others, such as {shown}"


def _unique(table: Any, columns: Sequence[str], names: Sequence[Any]) -> Iterator[str]:
    gone = [name for name in columns if name not in names]
    label = ", ".join(columns)
    if gone:
        yield f"checks.unique: there is no column '{gone[0]}'"
        return
    import pandas

    count = int(pandas.DataFrame({n: _series(table, n) for n in columns}).duplicated().sum())
    if count:
        yield f"checks.unique: {count:,} rows repeat another's {label}; expected each once"


def _series(table: Any, name: str) -> Any:
    """Return a column as a pandas Series."""
    library = library_of(table)
    if library == "pandas":
        return table[name]
    import pandas

    column = table.column(name) if library == "arrow" else table.get_column(name)
    return pandas.Series(column.to_pandas(), name=name)
