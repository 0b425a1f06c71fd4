"""A table or a query of a database: what a data set with a URI ``sql:SECRET`` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.data_formats import writing_in
from atlas.dataclass import dataclass
from atlas.datasets.databases.connections import connected, explained
from atlas.datasets.databases.queries import MYSQL, SQLITE, bound, moment, placeholders_of, sql_name
from atlas.datasets.partitions import MERGE, no_interval
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.datasets.fields import RunFacts


@dataclass(frozen=True)
class SqlSource:
    """A table or a query of a database.

    Attributes:
        secret: name of the secret with its URL.
        url: the URL.
        table: the table, with its schema in front where it has one; or empty.
        query: the SELECT; or empty.
        partition: placeholders; an axis is a column of its name.
        mode: what writing does.
        key: the columns that a merge tells rows apart by.
        time: column with the rows' time, or empty.
    """

    secret: str
    url: str
    table: str = ""
    query: str = ""
    partition: Sequence[str] = ()
    mode: str = ""
    key: Sequence[str] = ()
    time: str = ""

    @property
    def name(self) -> str:
        """What it is called where its URL mustn't be: ``sql:warehouse/sales``."""
        return sql_name(self.secret, self.table, self.query)

    @property
    def parts(self) -> tuple[str | None, str]:
        """The table's schema, if it has one, and its name."""
        schema, _, name = self.table.rpartition(".")
        return schema or None, name

    def read(self, facts: RunFacts) -> Any:
        """Return the rows as a DataFrame; of a partitioned table, those of the run's partition.

        Raises:
            StoreError: the database refuses, or the table isn't there.
        """
        with (
            explained(self.name, self.secret, self.url),
            connected(self.url, read_only=True) as connection,
        ):
            from atlas.datasets.databases.columns import table_of

            booleans: list[str] = []
            if self.query:
                chosen = self._query(connection.dialect.name, facts)
            else:
                chosen, booleans = self._rows(connection, facts)
            result = connection.execute(chosen)
            return table_of(result.fetchall(), list(result.keys()), booleans)

    def write(self, frame: Any, facts: RunFacts, step: str, count: int = 1) -> None:
        """Write rows in one transaction: all of it happens, or nothing.

        The count says which write of the step's it is, from 1 on: each appends once a run.

        Raises:
            StoreError: the rows don't fit, or the database refuses.
        """
        from atlas.datasets.databases.rows import check_rows
        from atlas.datasets.databases.writes import write_rows
        from atlas.datasets.merging import check_keys
        from atlas.datasets.writing import check_index, check_labels, check_table

        if not self.table:
            raise StoreError(f"{self.name}: a query can't be written to; name a table")
        check_table(frame)
        check_labels(frame)
        check_index(frame)
        if self.mode == MERGE:
            check_keys(frame, self.key)
        check_rows(self, frame, facts)
        with explained(self.name, self.secret, self.url), connected(self.url) as connection:
            write_rows(self, connection, frame, facts, [step, str(count)])

    def reflected(self, connection: Any) -> Any:
        """Return the table as it is in the database; None where there is none."""
        from sqlalchemy import MetaData, Table
        from sqlalchemy.exc import NoSuchTableError

        schema, name = self.parts
        try:
            return Table(
                name, MetaData(), schema=schema, autoload_with=connection, resolve_fks=False
            )
        except NoSuchTableError:
            return None

    def _query(self, dialect: str, facts: RunFacts) -> Any:
        """Return the query with the run's values bound.

        Raises:
            StoreError: it writes, or names a value that the run hasn't.
        """
        if found := writing_in(self.query):
            raise StoreError(f"{self.name}: a query only reads; found {found}")
        known: dict[str, Any] = {f"axis_{name}": value for name, value in facts.axes.items()}
        for name, at in (("interval_start", facts.start), ("interval_end", facts.end)):
            if at:
                known[name] = moment(at, dialect)
        wanted = placeholders_of(self.query)
        missing = next((name for name in wanted if name not in known), "")
        if missing.startswith("interval_"):
            raise StoreError(f"the query names :{missing}, and {no_interval()}")
        if missing:
            names = ", ".join(f":{name}" for name in sorted(known)) or "none"
            raise StoreError(f"the query names :{missing}; this run has {names}")
        return bound(self.query, {name: known[name] for name in wanted}, dialect)

    def _rows(self, connection: Any, facts: RunFacts) -> tuple[Any, list[str]]:
        """Return the SELECT of the run's rows, and the columns that MySQL has as 0 and 1.

        Raises:
            StoreError: there is no such table.
        """
        from sqlalchemy import Float, Numeric

        from atlas.datasets.databases.columns import is_boolean
        from atlas.datasets.databases.rows import conditions

        table, dialect = self.reflected(connection), connection.dialect.name
        if table is None:
            raise StoreError(self._gone(connection))
        booleans = []
        for column in table.columns:
            is_float = isinstance(column.type, Float)  # Of MySQL, SQLAlchemy makes decimals.
            if is_float or (dialect == SQLITE and isinstance(column.type, Numeric)):
                column.type = Float()  # SQLite has no decimals, whatever it calls them.
            if dialect in MYSQL and is_boolean(column):
                booleans.append(column.name)
        wanted = conditions(self, table, dialect, facts, strict=False)
        return table.select().where(*wanted), booleans

    def _gone(self, connection: Any) -> str:
        from sqlalchemy import inspect

        from atlas.load.words import nearest

        schema, name = self.parts
        known = inspect(connection).get_table_names(schema=schema)
        hint = nearest(name, known)
        has = clean(", ".join(sorted(known)[:20]), 300) or "no tables"
        where = f" in the schema '{schema}'" if schema else ""
        text = f"there is no table '{name}'{where}; the database has {has}"
        return f"{text}{f' ({hint})' if hint else ''}"
