"""Columns and rows of a table, of pandas, pyarrow or polars, as profiles take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from atlas.formats.stamping import column_names, library_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import ndarray

    Array = ndarray[Any, Any]


class TableColumns(Mapping[str, Any]):
    """Some columns of a table, each given when it is asked for."""

    def __init__(self, table: Any, names: Sequence[str]) -> None:
        """Take those of the columns that the table has; of two with one name, the first."""
        self.table = table
        self.names = {str(name): name for name in reversed(column_names(table))}
        self.wanted = [name for name in dict.fromkeys(names) if name in self.names]

    def __getitem__(self, name: str) -> Any:
        """Return a column."""
        library, own = library_of(self.table), self.names[name]
        if library == "pandas":
            column = self.table[own]
            return column if column.ndim == 1 else column.iloc[:, 0]
        if library == "polars":
            return self.table.get_column(own).to_arrow()
        return self.table.column(self.table.column_names.index(own))

    def __iter__(self) -> Iterator[str]:
        """Give the columns' names."""
        return iter(self.wanted)

    def __len__(self) -> int:
        """Return how many columns there are."""
        return len(self.wanted)

    def __contains__(self, name: object) -> bool:
        """Tell whether a column is there, without reading it."""
        return name in self.names and name in self.wanted

    def rows(self, places: Array) -> TableColumns:
        """Return the columns of some rows."""
        table = self.table
        if library_of(table) == "pandas":
            part = table[[self.names[name] for name in self.wanted]].iloc[places]
        elif library_of(table) == "polars":
            part = table.select([self.names[name] for name in self.wanted])[places]
        else:
            part = table.select(self.wanted).take(places)
        return TableColumns(part, self.wanted)
