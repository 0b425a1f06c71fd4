"""Rules about databases: which secret opens one, and what a query may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.data_formats import IN_QUOTES, LIMIT, OPTIONS, writing_in
from atlas.load import nearest
from atlas.validate.flat import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.environment import DataLocation, Environment
    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath
    from atlas.validate.subject import Subject

_BOUND = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")
_SELECT = re.compile(r"\s*(?:\(|SELECT\b|WITH\b|VALUES\b)", re.IGNORECASE)


def database_problems(
    environment: Environment, where: DataLocation, at: DocumentPath
) -> Iterator[Problem]:
    """Return what is wrong with where an Environment says that a table or query is."""
    secret = where.uri.partition(":")[2]
    if secret not in environment.secrets:
        message = f"the environment '{environment.name}' has no secret '{secret}'"
        hint = nearest(secret, environment.secrets)
        expected = names(environment.secrets)
        yield (at / "uri").problem("E003", message, found=secret, expected=expected, hint=hint)
    if bool(where.table) == bool(where.query):
        found = "both" if where.table else "neither"
        message = f"of a database, 'table' or 'query' says what is read; found {found}"
        yield at.problem("E008", message, expected="one of the two")
    others = [
        *(key for key in (*OPTIONS, LIMIT, "kedro") if key in where.options),
        *(["format"] if where.format else ()),
    ]
    for key in others:
        yield (at / key).problem("E008", f"a database has no '{key}'", expected="no such key")
    if where.version == "content":
        message = "what a database holds isn't known without reading all of it"
        hint = "name a version by hand, or none"
        yield (at / "version").problem("E008", message, found=where.version, hint=hint)
    if where.query:
        yield from _query(where.query, at / "query")


def _query(query: str, at: DocumentPath) -> Iterator[Problem]:
    bare = IN_QUOTES.sub(" ", query)
    if not _SELECT.match(bare):
        message = "a query only reads"
        yield at.problem("E008", message, found=query[:60], expected="SELECT … or WITH … SELECT")
    elif found := writing_in(query):
        message = "a query only reads"
        yield at.problem("E008", message, found=found, expected="one SELECT")
    inserted = re.search(r"\{[A-Za-z_:]*\}", query)
    if inserted:
        message = f"{inserted[0]} is put into no query: values are bound by name"
        expected = ":interval_start, :interval_end or :axis_NAME"
        yield at.problem("E008", message, found=inserted[0], expected=expected)
    for name in dict.fromkeys(_BOUND.findall(bare)):
        if name not in ("interval_start", "interval_end") and not name.startswith("axis_"):
            message = f"there is no value ':{name}'"
            expected = ":interval_start, :interval_end or :axis_NAME"
            yield at.problem("E008", message, found=f":{name}", expected=expected)


def unbound_axes(subject: Subject, name: str, where: DataLocation) -> Iterator[Problem]:
    """Check that a query binds axes that the Config has."""
    matrix = subject.file.config.matrix
    at = subject.environment_place / "data" / name / "query"
    for bound in dict.fromkeys(_BOUND.findall(IN_QUOTES.sub(" ", where.query))):
        axis = bound.removeprefix("axis_")
        if axis != bound and axis not in matrix:
            who = subject.file.config.name
            message = (
                f"':{bound}' has no value in the Config '{who}', whose matrix has no such axis"
            )
            hint, expected = nearest(axis, matrix), names(matrix)
            yield at.problem("E008", message, found=f":{bound}", expected=expected, hint=hint)
