"""The text of a query: which values it names, and how they are bound in each database."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from atlas.data_formats import IN_QUOTES
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

SQLITE, POSTGRESQL = "sqlite", "postgresql"
MYSQL = ("mysql", "mariadb")
"""What SQLAlchemy calls MySQL and MariaDB."""
MOMENTS = "atlas_moment"
"""SQLite's collation that compares texts as moments, whatever form each has."""
_BOUNDS = re.compile(r"(?<![:\w\\]):(interval_start|interval_end)\b")
_NAMED = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")


def sql_name(secret: str, table: str, query: str) -> str:
    """Return what a table or query is called in records: never its URL."""
    return f"sql:{secret}/{table}" if table else f"sql:{secret}/query-{digest(query)[:12]}"


def placeholders_of(query: str) -> list[str]:
    """Return the names of the values that a query has bound: ``:interval_start``.

    Texts in quotes and PostgreSQL's ``::type`` have none.
    """
    return list(dict.fromkeys(_NAMED.findall(IN_QUOTES.sub(" ", query))))


def bound(query: str, values: Mapping[str, Any], dialect: str) -> Any:
    """Return a query with its values bound, for SQLAlchemy.

    An axis has no type of its own, so that a database compares it with a column of any type. SQLite
    has no type for moments and would compare texts (``2024-01-02T05:00`` with
    ``2024-01-02 12:00:00``): there the bounds of an interval bring a collation that knows them.
    """
    from sqlalchemy import bindparam, text
    from sqlalchemy.types import NullType

    literal = IN_QUOTES.sub(lambda found: found[0].replace(":", "\\:"), query)
    if dialect == SQLITE:
        literal = _BOUNDS.sub(rf"(:\1 COLLATE {MOMENTS})", literal)
    parameters = [
        bindparam(name, value, type_=NullType() if isinstance(value, str) else None)
        for name, value in values.items()
    ]
    return text(literal).bindparams(*parameters)


def moment(text: str, dialect: str) -> Any:
    """Return a moment as a database compares it: in UTC, as a text in SQLite."""
    found = _utc(text)
    if dialect == SQLITE:
        return found.replace(tzinfo=None).isoformat(sep=" ")
    return found if dialect == POSTGRESQL else found.replace(tzinfo=None)


def compare_moments(one: str, other: str) -> int:
    """Return -1, 0 or 1: how two texts compare as moments, or as texts where they are none."""
    try:
        first, second = _utc(one), _utc(other)
    except ValueError:
        return (one > other) - (one < other)
    return (first > second) - (first < second)


@lru_cache(4096)
def _utc(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
