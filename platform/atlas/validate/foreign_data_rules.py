"""Rules about data that other libraries open: tables of data lakes, Kedro's dataset classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.data_formats import ICEBERG, KEDRO, KEDRO_CLASSES, OPTIONS, scheme_of
from atlas.load import nearest
from atlas.validate.flat import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.config import DataSet
    from atlas.environment import DataLocation
    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath

_OPENED = ("file", "store", "project", "s3", "gs", "az", "abfs")
"""Schemes of what the libraries of lakes open by themselves."""


def lake_problems(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    """Return what is wrong with where an Environment says that a table of a lake is."""
    is_file = where.format == ICEBERG and where.uri.endswith(".metadata.json")
    if not where.uri.endswith("/") and not is_file:
        message = f"a table in the format {where.format} is a folder"
        expected = f"'{where.uri}/'"
        yield (at / "uri").problem("E007", message, found=where.uri, expected=expected)
    if scheme_of(where.uri) not in _OPENED:
        message = f"{scheme_of(where.uri)}: isn't opened by the library for {where.format}"
        expected = names([f"{scheme}:" for scheme in _OPENED])
        yield (at / "uri").problem("E009", message, found=where.uri, expected=expected)
    if where.version == "content":
        message = f"a table in the format {where.format} has versions of its own"
        field = "snapshot" if where.format == ICEBERG else "version"
        hint = f"name one in {where.format}.{field}, and here by hand"
        yield (at / "version").problem("E007", message, found=where.version, hint=hint)


def kedro_problems(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    """Return what is wrong with a dataset class of Kedro's, and tell what can't be checked."""
    name = where.uri.removeprefix(KEDRO)
    if name not in KEDRO_CLASSES:
        message = f"'{name}' is none of Kedro's dataset classes that may be used"
        hint, expected = nearest(name, KEDRO_CLASSES), names(KEDRO_CLASSES)
        yield (at / "uri").problem("E010", message, found=name, expected=expected, hint=hint)
    for key in ("format", "table", "query", "version", "max_unpacked_bytes", *OPTIONS):
        if getattr(where, key, "") or key in where.options:
            if key == "version" and where.version != "content":
                continue
            message = f"Kedro's classes have no '{key}'; their arguments are in 'kedro'"
            yield (at / key).problem("E010", message, expected="no such key")


def unseen_problem(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    """Tell what isn't checked of a data set that Kedro's class opens."""
    unseen = "its arguments, where it is, and whether two steps write the same place"
    message = f"{where.uri} is opened by Kedro's class: {unseen} aren't checked"
    hint = "use a URI and a format of Atlas's where there is one"
    yield (at / "uri").problem("E011", message, severity="warning", hint=hint)


def foreign_uses(declared: DataSet, where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    """Check that the Config asks nothing of such a data set that it hasn't."""
    what = "Kedro's class" if where.is_kedro else f"a table in the format {where.format}"
    for key, is_set in (("partition", declared.partition), ("write", declared.mode)):
        if is_set:
            message = f"{what} is read and written as a whole"
            yield (at / key).problem("C046", message, found=where.uri, expected=f"no '{key}'")
