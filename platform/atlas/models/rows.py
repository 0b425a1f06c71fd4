"""The rows of a test set, with each model's metrics of each row: paired, sliced and identified."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, ChampionRowsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy import ndarray
    from pandas import DataFrame

MOST_SLICES = 200
"""The most values that a column may have that makes slices."""


@dataclass(frozen=True)
class Pairs:
    """Two models' metrics of the same rows, in the same order.

    Attributes:
        challenger: the challenger's table: a row for each row of the test set.
        champion: the champion's.
        key: column that tells rows apart; empty where only their order does.
        where: what they are, for messages.
    """

    challenger: DataFrame
    champion: DataFrame
    key: str = ""
    where: str = "row_metrics"

    def values(self, metric: str) -> tuple[ndarray[Any, Any], ndarray[Any, Any]]:
        """Return both models' values of a metric.

        Raises:
            AtlasError: the challenger's table has no such column, or it doesn't hold numbers.
            ChampionRowsError: the champion's doesn't.
        """
        challenger = self.challenger_values(metric)
        with _of_champion():
            return challenger, _numbers(self.champion, metric, self.where)

    def challenger_values(self, metric: str) -> ndarray[Any, Any]:
        """Return the challenger's values of a metric.

        Raises:
            AtlasError: its table has no such column, or it doesn't hold numbers.
        """
        return _numbers(self.challenger, metric, self.where)

    def slices(self, column: str) -> Iterator[tuple[str, Pairs]]:
        """Return the rows of each value of a column; missing values are a slice too.

        Raises:
            AtlasError: there is no such column, the models differ in it, or it has too many values.
        """
        _column(self.challenger, column, self.where)
        if column not in self._shared():
            text = f"the column '{column}' isn't the same for both models"
            raise AtlasError(f"{self.where}: {text}; expected what is known without a model")
        from pandas import factorize

        codes, values = factorize(self.challenger[column], use_na_sentinel=False)
        if len(values) > MOST_SLICES:
            text = f"the column '{column}' has {len(values):,} values"
            raise AtlasError(f"{self.where}: {text}; expected at most {MOST_SLICES} slices")
        for code, value in enumerate(values):
            mine, other = self.challenger[codes == code], self.champion[codes == code]
            yield f"{column}={value}", Pairs(mine, other, self.key, self.where)

    def identity(self) -> str:
        """Return a digest that tells the test set from others, in whatever order its rows are.

        It is made of the key; without one, of all columns that both models share and that hold
        neither floats nor booleans, which may be metrics.

        Returns:
            64 hexadecimal digits; empty where no column tells rows apart.
        """
        columns = [self.key] if self.key else [c for c in self._shared() if self._tells(c)]
        if not columns:
            return ""
        from pandas.util import hash_pandas_object

        hashes = hash_pandas_object(self.challenger[columns], index=False).to_numpy()
        return hashlib.sha256(_sorted_bytes(hashes)).hexdigest()

    def _tells(self, column: str) -> bool:
        """Tell whether a column may say which row it is, and isn't a metric."""
        return self.challenger[column].dtype.kind not in "fb"

    def _shared(self) -> list[str]:
        """Return the columns that are the same for both models."""
        common = [str(name) for name in self.challenger.columns if name in self.champion.columns]
        return sorted(
            name
            for name in common
            if self.challenger[name]
            .reset_index(drop=True)
            .equals(self.champion[name].reset_index(drop=True))
        )


def _sorted_bytes(hashes: ndarray[Any, Any]) -> bytes:
    """Return the bytes of an array in ascending order."""
    import numpy

    return numpy.sort(hashes).tobytes()


def pair(challenger: Any, champion: Any, *, key: str = "", where: str = "row_metrics") -> Pairs:
    """Return two models' tables with their rows in the same order.

    Args:
        challenger: the challenger's table.
        champion: the champion's.
        key: column that tells rows apart; empty where both are in the same order.
        where: what they are, for messages.

    Raises:
        AtlasError: the challenger's isn't a table, or has no key in each of its rows.
        ChampionRowsError: the champion's isn't a table of the same rows.
    """
    _check_table(challenger, where)
    first = _by_key(challenger, key, where) if key else challenger
    with _of_champion():
        _check_table(champion, where)
        if len(challenger) != len(champion):
            counts = f"{len(challenger):,} of the challenger and {len(champion):,} of the champion"
            raise AtlasError(f"{where}: found rows {counts}; expected the same rows")
        second = _by_key(champion, key, where) if key else champion
        if key and not first[key].equals(second[key]):
            raise AtlasError(f"{where}: the column '{key}' holds other keys for the champion")
    return Pairs(first, second, key, where)


@contextmanager
def _of_champion() -> Iterator[None]:
    """Say of what is wrong that it is wrong with the champion's rows."""
    try:
        yield
    except AtlasError as error:
        raise ChampionRowsError(str(error)) from error


def _check_table(table: Any, where: str) -> None:
    if not hasattr(table, "columns") or not hasattr(table, "iloc"):
        raise AtlasError(f"{where}: found a {type(table).__name__}, expected a DataFrame")


def _by_key(table: DataFrame, key: str, where: str) -> DataFrame:
    column = _column(table, key, where)
    if column.isna().any():
        raise AtlasError(f"{where}: the column '{key}' has missing values; expected a key in each")
    twice = column[column.duplicated()]
    if len(twice):
        found = f"{str(twice.iloc[0])[:80]!r} stands in several rows"
        raise AtlasError(f"{where}: the column '{key}': {found}; expected each key once")
    return table.sort_values(key).reset_index(drop=True)


def _column(table: DataFrame, name: str, where: str) -> Any:
    if name not in table.columns:
        has = ", ".join(map(str, table.columns[:20])) or "none"
        raise AtlasError(f"{where}: has no column '{name}'; its columns are {has}")
    return table[name]


def _numbers(table: DataFrame, name: str, where: str) -> ndarray[Any, Any]:
    column = _column(table, name, where)
    if column.dtype.kind not in "biuf":
        text = f"the column '{name}' is of type {column.dtype}"
        raise AtlasError(f"{where}: {text}; expected a number in each row")
    import numpy

    values: ndarray[Any, Any] = column.to_numpy(dtype=numpy.float64, na_value=numpy.nan)
    return values
