"""Connections to a database, and what it refuses, told without a password."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.datasets.databases.queries import MOMENTS, MYSQL, POSTGRESQL, SQLITE, compare_moments
from atlas.errors import StoreError, clean
from atlas.masking import mask_of

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_SECONDS = 600
"""How long a writer waits for another one of the same table."""
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"} | {
    name: f"{name}+pymysql" for name in MYSQL
}
"""What a URL without a driver is opened with: what the extras bring."""
_EXTRAS = dict.fromkeys(("postgres", "postgresql"), "postgresql") | dict.fromkeys(MYSQL, "mysql")


@contextmanager
def connected(url: str, *, read_only: bool = False) -> Iterator[Any]:
    """Give a connection in a transaction; what is written is committed at the end, or not at all.

    Moments are in UTC. A reader's transaction refuses to write in SQLite, PostgreSQL, MySQL and
    MariaDB.

    Args:
        url: the database's URL.
        read_only: whether it is only read: nothing is committed.

    Raises:
        FileNotFoundError: SQLite has no such file to read.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    own = _with_driver(url)
    backend = own.get_backend_name()
    settings: dict[str, Any] = {}
    if backend == SQLITE:
        _check_file(own.database, read_only=read_only)
        settings = {"connect_args": {"timeout": WAIT_SECONDS}}
    elif backend == POSTGRESQL and not read_only:
        # Another writer's rows are seen once it has ended, whatever the server's default is.
        settings = {"isolation_level": "READ COMMITTED"}
    engine = create_engine(own, poolclass=NullPool, **settings)
    if backend == SQLITE:
        event.listen(engine, "connect", lambda raw, _: _prepare_sqlite(raw, read_only))
        begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    elif backend in MYSQL:
        event.listen(engine, "connect", lambda raw, _: _prepare_mysql(raw, read_only))
    try:
        with engine.connect() as connection:
            if backend == POSTGRESQL:
                connection.execution_options(postgresql_readonly=read_only)
                connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
            yield connection
            if not read_only:
                connection.commit()
    finally:
        engine.dispose()


def _with_driver(url: str) -> Any:
    from sqlalchemy import make_url

    own = make_url(url)
    return own.set(drivername=_DRIVERS.get(own.drivername, own.drivername))


def _check_file(database: str | None, *, read_only: bool) -> None:
    """Refuse to read a file that isn't there, which SQLite would make."""
    is_file = database and database != ":memory:" and not database.startswith("file:")
    if read_only and is_file and not Path(str(database)).exists():
        raise FileNotFoundError("there is no such file; a step that writes makes it")


def _prepare_sqlite(raw: Any, read_only: bool) -> None:
    """Let SQLAlchemy begin transactions, which the driver would do late and not for tables."""
    raw.isolation_level = None
    raw.create_collation(MOMENTS, compare_moments)
    if read_only:
        raw.execute("PRAGMA query_only = ON")


def _prepare_mysql(raw: Any, read_only: bool) -> None:
    """Have moments in UTC, and values that don't fit refused rather than cut."""
    with raw.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute("SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
        if read_only:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")


@contextmanager
def explained(name: str, secret: str, url: str) -> Iterator[None]:
    """Turn what SQLAlchemy and its drivers raise into an error without the URL's password.

    Args:
        name: what the data set is called.
        secret: name of the secret with the URL.
        url: the URL.

    Raises:
        StoreError: something was raised.
    """
    mask = mask_of(frozenset({url, *secrets_of(url)}))
    try:
        _check_url(name, secret, url)
        yield
    except StoreError as error:
        raise StoreError(mask.text(str(error))) from None
    except ImportError as error:
        raise StoreError(f"{name}: needs '{error.name}' ({_install(url)})") from None
    except MemoryError:
        raise
    except Exception as error:
        first = _first(error)
        reason = str(getattr(first, "orig", None) or first).strip() or type(first).__name__
        text = mask.text(" ".join(reason.split()))
        raise StoreError(clean(f"{name}: {text}{_hint(first, secret)}", 700)) from None


def _install(url: str) -> str:
    extra = _EXTRAS.get(url.partition(":")[0].partition("+")[0])
    return f"pip install 'atlas-ml[{extra or 'sql'}]'{'' if extra else ', and its driver'}"


def _check_url(name: str, secret: str, url: str) -> None:
    """Refuse a URL that SQLAlchemy can't read, or whose password it would take for a host.

    Raises:
        StoreError: with a fixed text: the parser's own has parts of the password.
    """
    from sqlalchemy import make_url

    try:
        make_url(url)
        is_read = url.startswith(SQLITE) or url.count("@") <= 1
    except Exception:
        is_read = False
    if not is_read:
        text = f"{name}: the secret '{secret}' must be a URL of SQLAlchemy's: dialect"
        raise StoreError(f"{text}://…, with user and password percent-encoded (@ is %40)")


def _hint(error: BaseException, secret: str) -> str:
    name = type(error).__name__
    if name in ("ArgumentError", "NoSuchModuleError"):
        return f" (the secret '{secret}' must be a URL of SQLAlchemy's: dialect://…)"
    if name == "OperationalError":
        return f" (the secret '{secret}' says where the database is, and who asks)"
    return ""


def _first(error: BaseException) -> BaseException:
    """Return SQLAlchemy's own error, which pandas wraps in another."""
    cause = error.__cause__ or error.__context__
    return cause if cause is not None and hasattr(cause, "orig") else error


def secrets_of(url: str) -> list[str]:
    """Return what of a URL mustn't be told: its user's part, password, and those of its query."""
    from urllib.parse import unquote, unquote_plus

    user = url.partition("://")[2].rpartition("@")[0]
    password = user.partition(":")[2]
    named = re.findall(r"[?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=([^&]*)", url, re.IGNORECASE)
    found = [password, unquote(password), *([user] if password else [])]
    return [value for value in (*found, *named, *map(unquote_plus, named)) if value]
