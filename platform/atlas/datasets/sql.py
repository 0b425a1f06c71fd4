"""Tables and queries of a database, through SQLAlchemy: values are bound, never put into the text.

The database's URL is a secret. Errors have neither it nor its password.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.data_formats import IN_QUOTES, writing_in
from atlas.dataclass import dataclass
from atlas.datasets.merging import check_keys
from atlas.datasets.partitions import APPEND, INTERVAL, MERGE, REPLACE, axis_of, no_interval
from atlas.datasets.writing import check_index, check_labels, check_table
from atlas.errors import StoreError, clean
from atlas.load.words import nearest
from atlas.masking import mask_of
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.datasets.fields import RunFacts

WRITES = "atlas_appends"
"""Table with a row for each append that is done, so that a second try doesn't repeat it."""
_ROWS = 1000
"""How many rows are sent at once."""
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""What makes a database refuse to write; PostgreSQL has an option of the connection for it."""


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

    def read(self, facts: RunFacts) -> Any:
        """Return the rows as a DataFrame; of a partitioned table, those of the run's partition.

        Raises:
            StoreError: the database refuses, or the table isn't there.
        """
        with self._explained(), self._connected(read_only=True) as connection:
            import pandas
            from sqlalchemy import text

            if self.query:
                if found := writing_in(self.query):
                    raise StoreError(f"{self.name}: a query only reads; found {found}")
                values = self._bound(connection, facts)
                named = {name: values[name] for name in placeholders_of(self.query)}
                return pandas.read_sql_query(text(_literal(self.query)), connection, params=named)
            table = self._table(connection)
            chosen = table.select()
            for condition in self._conditions(table, connection, facts, strict=False):
                chosen = chosen.where(condition)
            return pandas.read_sql_query(chosen, connection)

    def write(self, frame: Any, facts: RunFacts, step: str, count: int = 1) -> None:
        """Write rows in one transaction: all of it happens, or nothing.

        The count says which write of the step's it is, from 1 on: each appends once a run.

        Raises:
            StoreError: the rows don't fit, or the database refuses.
        """
        if not self.table:
            raise StoreError(f"{self.name}: a query can't be written to; name a table")
        check_table(frame)
        check_labels(frame)
        check_index(frame)
        if self.mode == MERGE:
            check_keys(frame, self.key)
        self._check_rows(frame, facts)
        zoned = frame.select_dtypes("datetimetz").columns
        frame = frame.assign(**{name: frame[name].dt.tz_convert("UTC") for name in zoned})
        with self._explained(), self._connected() as connection:
            from sqlalchemy import inspect

            self._lock(connection)
            schema, name = self._parts
            if self.mode == APPEND:
                frame.head(0).to_sql(
                    name, connection, schema=schema, if_exists="append", index=False
                )
                if not self._is_first(connection, facts, [step, str(count)], frame):
                    return
            if inspect(connection).has_table(name, schema=schema):
                self._clear(connection, frame, facts)
            elif self.partition or self.mode == REPLACE:
                self._check_partition(facts)
            frame.to_sql(
                name, connection, schema=schema, if_exists="append", index=False, chunksize=_ROWS
            )

    @property
    def _parts(self) -> tuple[str | None, str]:
        schema, _, name = self.table.rpartition(".")
        return schema or None, name

    def _bound(self, connection: Any, facts: RunFacts) -> dict[str, Any]:
        """Return the values that a query may name.

        Raises:
            StoreError: it names one that the run hasn't.
        """
        known: dict[str, Any] = {f"axis_{name}": value for name, value in facts.axes.items()}
        for name, moment in (("interval_start", facts.start), ("interval_end", facts.end)):
            if moment:
                known[name] = _moment(moment, connection.dialect.name)
        wanted = placeholders_of(self.query)
        missing = next((name for name in wanted if name not in known), "")
        if missing.startswith("interval_"):
            raise StoreError(f"the query names :{missing}, and {no_interval()}")
        if missing:
            names = ", ".join(f":{name}" for name in sorted(known)) or "none"
            raise StoreError(f"the query names :{missing}; this run has {names}")
        return known

    def _table(self, connection: Any) -> Any:
        """Return the table as it is in the database.

        Raises:
            StoreError: there is none.
        """
        from sqlalchemy import MetaData, Table, inspect
        from sqlalchemy.exc import NoSuchTableError

        schema, name = self._parts
        try:
            return Table(name, MetaData(), schema=schema, autoload_with=connection)
        except NoSuchTableError:
            known = inspect(connection).get_table_names(schema=schema)
            hint = nearest(name, known)
            has = clean(", ".join(sorted(known)[:20]), 300) or "no tables"
            where = f" in the schema '{schema}'" if schema else ""
            text = f"there is no table '{name}'{where}; the database has {has}"
            raise StoreError(f"{text}{f' ({hint})' if hint else ''}") from None

    def _conditions(
        self, table: Any, connection: Any, facts: RunFacts, *, strict: bool
    ) -> Iterator[Any]:
        """Give the conditions of the run's partition; of a lax one, those that have a value."""
        if strict:
            self._check_partition(facts)
        wanted = [*self.partition, *([INTERVAL] if self.mode == REPLACE and strict else [])]
        for placeholder in dict.fromkeys(wanted):
            axis = axis_of(placeholder)
            if axis and facts.axes.get(axis):
                yield self._column(table, axis) == facts.axes[axis]
            elif not axis and facts.start:
                from sqlalchemy import func

                column, dialect = self._column(table, self.time), connection.dialect.name
                if dialect == "sqlite":  # Its moments are texts: of a day, with a T, of a zone.
                    column = func.datetime(column)
                yield column >= _typed(_moment(facts.start, dialect), column)
                yield column < _typed(_moment(facts.end or facts.start, dialect), column)

    def _check_partition(self, facts: RunFacts) -> None:
        for placeholder in self.partition:
            axis = axis_of(placeholder)
            if axis and not facts.axes.get(axis):
                text = f"partition: {placeholder} has no value: the pipeline is no member of it"
                raise StoreError(text)
        if (INTERVAL in self.partition or self.mode == REPLACE) and not facts.start:
            raise StoreError(no_interval(" whose rows it could replace"))

    def _check_rows(self, frame: Any, facts: RunFacts) -> None:
        """Refuse rows that the next try wouldn't replace, as they aren't of the run's partition."""
        wanted = [*self.partition, *([INTERVAL] if self.mode == REPLACE else [])]
        for placeholder in dict.fromkeys(wanted):
            axis = axis_of(placeholder)
            column = axis or self.time
            if not (facts.axes.get(axis) if axis else facts.start):
                continue
            if column not in frame.columns:
                known = ", ".join(map(str, frame.columns))
                raise StoreError(clean(f"{self.name}: no column '{column}'; it has {known}", 300))
            inside = (
                frame[column].astype(str) == facts.axes[axis]
                if axis
                else _within(frame[column], facts)
            )
            if not inside.all():
                text = f"{int((~inside).sum())} rows aren't of the run's {placeholder}"
                raise StoreError(f"{self.name}: {text}, by their column '{column}'")

    def _lock(self, connection: Any) -> None:
        """Wait for another writer of the table; SQLite has one writer anyway."""
        key, dialect = digest(["atlas", self.table])[:15], connection.dialect.name
        if dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({int(key, 16)})")
        elif dialect in ("mysql", "mariadb"):
            found = connection.exec_driver_sql(f"SELECT GET_LOCK('atlas_{key}', 600)").scalar()
            if found != 1:
                raise StoreError(f"{self.name}: another step has been writing for too long")

    def _column(self, table: Any, name: str) -> Any:
        if name not in table.columns:
            known = ", ".join(table.columns.keys())
            raise StoreError(clean(f"{self.name}: no column '{name}'; it has {known}", 300))
        return table.columns[name]

    def _clear(self, connection: Any, frame: Any, facts: RunFacts) -> None:
        """Delete the rows whose place the new ones take."""
        from sqlalchemy import and_, bindparam, delete

        if self.mode == APPEND:
            return
        table = self._table(connection)
        if self.mode == MERGE:
            pairs = [self._column(table, name) == bindparam(f"k_{name}") for name in self.key]
            keys = frame[list(self.key)].astype(object)
            rows = [{f"k_{n}": v for n, v in row.items()} for row in keys.to_dict("records")]
            for start in range(0, len(rows), _ROWS):
                connection.execute(delete(table).where(and_(*pairs)), rows[start : start + _ROWS])
            return
        conditions = list(self._conditions(table, connection, facts, strict=True))
        connection.execute(delete(table).where(and_(True, *conditions)))

    def _is_first(self, connection: Any, facts: RunFacts, write: Sequence[str], frame: Any) -> bool:
        """Note that a run appends, in its transaction; False where it has done so before.

        MySQL commits when a table is created: all tables are there before the note is made.

        Raises:
            StoreError: what it appended before were other rows, or another try is writing.
        """
        from sqlalchemy import Column, MetaData, String, Table, select
        from sqlalchemy.exc import IntegrityError

        marks = Table(
            WRITES,
            MetaData(),
            Column("id", String(64), primary_key=True),
            Column("run", String(500)),
            Column("step", String(500)),
            Column("rows_digest", String(64)),
        )
        marks.create(connection, checkfirst=True)
        if not facts.id:
            return True
        mark = digest([self.table, facts.id, facts.writer, *write])
        rows = digest([*map(str, frame.columns), frame.to_csv(index=False)])
        before = connection.execute(select(marks.c.rows_digest).where(marks.c.id == mark)).first()
        if before and before[0] != rows:
            text = f"{self.name}: an earlier try of run {facts.id} appended other rows"
            raise StoreError(f"{text}; delete them, and the row '{mark}' of {WRITES}")
        if before:
            return False
        values = {"id": mark, "run": facts.id, "step": write[0], "rows_digest": rows}
        try:
            connection.execute(marks.insert().values(**values))
        except IntegrityError:
            text = f"{self.name}: another try of the step is writing"
            raise StoreError(f"{text}; run it again when that has ended") from None
        return True

    @contextmanager
    def _connected(self, *, read_only: bool = False) -> Iterator[Any]:
        """Give a connection; what is written is committed at the end, what is read never."""
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.pool import NullPool

        self._check_url()
        url = make_url(self.url)
        backend = url.get_backend_name()
        is_postgres = backend == "postgresql"
        only = " -c default_transaction_read_only=on" if read_only else ""
        options = {"options": f"-c timezone=UTC{only}"}
        arguments = options if is_postgres and "psycopg" in url.drivername else {}
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
        try:
            if not read_only:
                with engine.begin() as connection:
                    yield connection
                return
            with engine.connect() as connection:
                if backend in _READ_ONLY:
                    connection.exec_driver_sql(_READ_ONLY[backend])
                read = {"postgresql_readonly": True} if is_postgres else {}
                yield connection.execution_options(**read)
        finally:
            engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLAlchemy and its drivers raise into an error without the URL's password."""
        try:
            yield
        except StoreError as error:
            raise StoreError(self._masked(str(error))) from None
        except ImportError as error:
            hint = "pip install 'atlas-ml[sql]', and the database's driver"
            raise StoreError(f"{self.name}: needs '{error.name}' ({hint})") from None
        except MemoryError:
            raise
        except Exception as error:
            first = _first(error)
            reason = str(getattr(first, "orig", None) or first).strip() or type(first).__name__
            text = self._masked(" ".join(reason.split()))
            raise StoreError(clean(f"{self.name}: {text}{self._hint(first)}", 700)) from None

    def _check_url(self) -> None:
        """Refuse a URL that SQLAlchemy can't read, or whose password it would take for a host.

        Raises:
            StoreError: with a fixed text: the parser's own has parts of the password.
        """
        from sqlalchemy import make_url

        try:
            make_url(self.url)
            is_read = self.url.startswith("sqlite") or self.url.count("@") <= 1
        except Exception:
            is_read = False
        if not is_read:
            text = f"{self.name}: the secret '{self.secret}' must be a URL of SQLAlchemy's: dialect"
            raise StoreError(f"{text}://…, with user and password percent-encoded (@ is %40)")

    def _masked(self, text: str) -> str:
        return mask_of(frozenset({self.url, *_secrets(self.url)})).text(text)

    def _hint(self, error: BaseException) -> str:
        name = type(error).__name__
        if name in ("ArgumentError", "NoSuchModuleError"):
            return f" (the secret '{self.secret}' must be a URL of SQLAlchemy's: dialect://…)"
        if name == "OperationalError":
            return f" (the secret '{self.secret}' says where the database is, and who asks)"
        return ""


def _first(error: BaseException) -> BaseException:
    """Return SQLAlchemy's own error, which pandas wraps in another."""
    cause = error.__cause__ or error.__context__
    return cause if cause is not None and hasattr(cause, "orig") else error


def sql_name(secret: str, table: str, query: str) -> str:
    """Return what a table or query is called in records: never its URL."""
    return f"sql:{secret}/{table}" if table else f"sql:{secret}/query-{digest(query)[:12]}"


def placeholders_of(query: str) -> list[str]:
    """Return the names of the values that a query has bound: ``:interval_start``.

    Texts in quotes and PostgreSQL's ``::type`` have none.
    """
    bare = IN_QUOTES.sub(" ", query)
    return list(dict.fromkeys(re.findall(r"(?<![:\w\\]):([A-Za-z_]\w*)", bare)))


def _literal(query: str) -> str:
    """Return a query in which SQLAlchemy takes nothing in quotes for a value to be bound."""
    return IN_QUOTES.sub(lambda found: found[0].replace(":", "\\:"), query)


def _moment(text: str, dialect: str) -> Any:
    """Return a moment as a database compares it: in UTC, as a text in SQLite."""
    moment = datetime.fromisoformat(text)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if dialect == "sqlite":
        return moment.replace(tzinfo=None).isoformat(sep=" ")
    return moment if dialect == "postgresql" else moment.replace(tzinfo=None)


def _within(column: Any, facts: RunFacts) -> Any:
    """Return which moments are in a run's interval; those without a zone are in UTC."""
    import pandas

    moments = pandas.to_datetime(column, utc=True)
    start, end = (
        pandas.to_datetime(at, utc=True) for at in (facts.start, facts.end or facts.start)
    )
    return (moments >= start) & (moments < end)


def _typed(value: Any, column: Any) -> Any:
    """Return a value that is bound as it is, whatever the column's type would make of it."""
    from sqlalchemy import String, literal

    return literal(value, String()) if isinstance(value, str) else literal(value)


def _secrets(url: str) -> list[str]:
    """Return what of a URL mustn't be told: its user's part, password, and those of its query."""
    from urllib.parse import unquote, unquote_plus

    user = url.partition("://")[2].rpartition("@")[0]
    password = user.partition(":")[2]
    named = re.findall(r"[?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=([^&]*)", url, re.IGNORECASE)
    found = [password, unquote(password), *([user] if password else [])]
    return [value for value in (*found, *named, *map(unquote_plus, named)) if value]
