"""Writing rows of a table: after whoever else writes it, and once for each try of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.datasets.databases.columns import fitted, prepared, types_of
from atlas.datasets.databases.connections import WAIT_SECONDS
from atlas.datasets.databases.queries import MYSQL, POSTGRESQL, SQLITE
from atlas.datasets.databases.rows import check_partition, conditions, same
from atlas.datasets.partitions import APPEND, MERGE, REPLACE
from atlas.errors import StoreError, clean
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.datasets.databases.source import SqlSource
    from atlas.datasets.fields import RunFacts

WRITES = "atlas_appends"
"""Table with a row for each append that is done, so that a second try doesn't repeat it."""
_ROWS = 1000
"""How many rows are sent at once."""


def write_rows(
    source: SqlSource, connection: Any, frame: Any, facts: RunFacts, write: Sequence[str]
) -> None:
    """Write rows within a connection's transaction.

    MySQL commits when a table is made: tables are there before anything else is written.

    Args:
        source: the table.
        connection: SQLAlchemy's, which nobody else uses.
        frame: the rows.
        facts: of the run.
        write: the step, and which of its writes this is.

    Raises:
        StoreError: the rows don't fit.
    """
    dialect = connection.dialect.name
    schema, name = source.parts
    own = schema or connection.dialect.default_schema_name or ""
    _lock(connection, f"{own}.{name}")
    rows = prepared(frame, dialect)
    table = source.reflected(connection)
    is_new = table is None
    if is_new:
        rows.head(0).to_sql(
            name, connection, schema=schema, if_exists="append", index=False, dtype=types_of(rows)
        )
        table = source.reflected(connection)
    _check_columns(table, rows, source.mode)
    _check_engine(connection, table, name, schema)
    if source.mode == APPEND and not _is_first(source, connection, facts, write, frame):
        return
    rows = fitted(rows, table)
    types = types_of(rows) if dialect == SQLITE else {n: table.columns[n].type for n in rows}
    if is_new:
        if source.partition or source.mode == REPLACE:
            check_partition(source.partition, source.mode, facts)
    elif source.mode == MERGE:
        _clear_keys(source.key, connection, table, rows, types)
    elif source.mode != APPEND:
        _clear(source, connection, table, facts)
    rows.to_sql(
        name, connection, schema=schema, if_exists="append", index=False, chunksize=_ROWS,
        dtype=types,
    )  # fmt: skip


def _lock(connection: Any, table: str) -> None:
    """Wait for another writer of a table; SQLite has one writer anyway.

    Raises:
        StoreError: it has been writing for too long.
    """
    key, dialect = _key(table), connection.dialect.name
    if dialect == POSTGRESQL:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({int(key, 16)})")
    elif dialect in MYSQL:
        asked = f"SELECT GET_LOCK('atlas_{key}', {WAIT_SECONDS})"
        if connection.exec_driver_sql(asked).scalar() != 1:
            raise StoreError("another step has been writing for too long; try again later")


def _key(table: str) -> str:
    return digest(["atlas", table])[:15]


def _check_columns(table: Any, rows: Any, mode: str) -> None:
    """Refuse rows with a column that the table lacks; of a merge, rows that would lose one."""
    there = table.columns.keys()
    more = [str(name) for name in rows.columns if name not in there]
    if more:
        known = clean(", ".join(there), 300)
        raise StoreError(f"the table has no column '{clean(more[0], 80)}'; it has {known}")
    given = set(rows.columns)
    left = [c.name for c in table.columns if c.name not in given and c.computed is None]
    if mode == MERGE and left:
        text = f"merge: the table has {clean(', '.join(left), 300)} as well"
        raise StoreError(f"{text}, which replaced rows would lose; give every column")


def _check_engine(connection: Any, table: Any, name: str, schema: str | None) -> None:
    """Refuse a table of MySQL's that has no transactions: half of it could be written."""
    from sqlalchemy import inspect

    dialect = connection.dialect.name
    if dialect not in MYSQL:
        return
    options = inspect(connection).get_table_options(name, schema=schema)
    engine = str(options.get(f"{dialect}_engine", "InnoDB"))
    if engine.lower() not in ("innodb", "ndb", "ndbcluster", "rocksdb", "tokudb"):
        text = f"the table's engine {engine} has no transactions"
        raise StoreError(f"{text}; ALTER TABLE {name} ENGINE=InnoDB gives it some")


def _clear(source: SqlSource, connection: Any, table: Any, facts: RunFacts) -> None:
    """Delete the rows of the run's partition, whose place the new ones take."""
    from sqlalchemy import and_, delete, true

    wanted = conditions(source, table, connection.dialect.name, facts, strict=True)
    connection.execute(delete(table).where(and_(true(), *wanted)))


def _clear_keys(
    key: Sequence[str], connection: Any, table: Any, rows: Any, types: Mapping[str, Any]
) -> None:
    """Delete the rows that have the key of a new one."""
    from sqlalchemy import and_, bindparam, delete

    dialect = connection.dialect.name
    pairs = [
        same(table.columns[name], bindparam(f"k_{name}", type_=types[name]), dialect)
        for name in key
    ]
    statement = delete(table).where(and_(*pairs))
    columns = {f"k_{name}": _plain(rows[name]) for name in key}
    values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for start in range(0, len(values), _ROWS):
        connection.execute(statement, values[start : start + _ROWS])


def _plain(column: Any) -> list[Any]:
    """Return a column's values as Python's own, which every driver knows."""
    if column.dtype.kind == "M":
        return list(column.dt.to_pydatetime())
    return column.astype(object).tolist()  # type: ignore[no-any-return]


def _is_first(
    source: SqlSource, connection: Any, facts: RunFacts, write: Sequence[str], frame: Any
) -> bool:
    """Note that a run appends, in its transaction; False where it has done so before.

    Raises:
        StoreError: what it appended before were other rows.
    """
    from sqlalchemy import select

    marks = _marks(connection)
    if not facts.id:
        return True
    mark = digest([source.table, facts.id, facts.writer, *write])
    rows = digest([*map(str, frame.columns), frame.to_csv(index=False)])
    before = connection.execute(select(marks.c.rows_digest).where(marks.c.id == mark)).first()
    if before and before[0] != rows:
        text = f"an earlier try of run {facts.id} appended other rows"
        raise StoreError(f"{text}; delete them, and the row '{mark}' of {WRITES}")
    if before:
        return False
    values = {"id": mark, "run": facts.id, "step": write[0], "rows_digest": rows}
    connection.execute(marks.insert().values(**values))
    return True


def _marks(connection: Any) -> Any:
    """Return the table of appends; writers of two tables may want to make it at once."""
    from sqlalchemy import Column, MetaData, String, Table, inspect
    from sqlalchemy.schema import CreateTable

    marks = Table(
        WRITES,
        MetaData(),
        Column("id", String(64), primary_key=True),
        Column("run", String(500)),
        Column("step", String(500)),
        Column("rows_digest", String(64)),
    )
    is_mysql = connection.dialect.name in MYSQL
    if is_mysql:  # Which doesn't even say whether a table is there while another makes it.
        _lock(connection, WRITES)
    if not inspect(connection).has_table(WRITES):
        if not is_mysql:
            _lock(connection, WRITES)
        connection.execute(CreateTable(marks, if_not_exists=True))
    if is_mysql:
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK('atlas_{_key(WRITES)}')")
    return marks
