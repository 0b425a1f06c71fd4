"""Rules about data sets: formats and their options, databases, partitions, ways of writing."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from atlas.data_formats import (
    COMPRESSIONS,
    FORMATS,
    LIMIT,
    OPTIONS,
    PROTOCOLS,
    TABLE,
    compression_of,
    endings,
    is_tabbed,
    said_by,
    scheme_of,
)
from atlas.environment import LOCAL
from atlas.load import nearest
from atlas.validate.database_rules import database_problems, unbound_axes
from atlas.validate.flat import DocumentPath, names
from atlas.validate.foreign_data_rules import (
    foreign_uses,
    kedro_problems,
    lake_problems,
    unseen_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.config import Config, DataSet
    from atlas.environment import DataLocation, Environment
    from atlas.errors import Problem
    from atlas.validate.flat import Input
    from atlas.validate.subject import Subject

_INTERVAL = "{interval}"


def location_problems(environment: Environment, place: DocumentPath) -> Iterator[Problem]:
    """Return what is wrong with where an Environment says that data are, and how they are written.

    Args:
        environment: the Environment.
        place: its ``data``.
    """
    for name, where in environment.data.items():
        at = place / name
        if where.is_sql:
            yield from database_problems(environment, where, at)
        elif where.is_kedro:
            yield from kedro_problems(where, at)
            yield from unseen_problem(where, at)
        else:
            yield from _file(where, at)


def _file(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    """Check that a file's ending, its format and its options fit."""
    for key in ("table", "query"):
        if getattr(where, key):
            message = f"'{key}' is of databases, and this is a file"
            yield (at / key).problem("E008", message, expected="a URI 'sql:SECRET', or no such key")
    if where.is_lake:
        yield from lake_problems(where, at)
    elif not where.uri.endswith("/"):
        yield from _ending(where, at)
    elif (known := PROTOCOLS.get(scheme_of(where.uri))) and not known.has_folders:
        message = f"{known.scheme}: has no folders that could be listed"
        yield (at / "uri").problem("E009", message, found=where.uri, expected="the URL of a file")
    yield from _options(where, at)


def _ending(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    said, format = said_by(where.uri), where.read_as
    if where.format and said and said != where.format:
        message = f"its name says {said}, and its format is {format}"
        expected = f"a name that ends in .{FORMATS[format].endings[0]}, or the format '{said}'"
        yield (at / "format").problem("E007", message, found=format, expected=expected)
    elif where.format and format != "bytes" and not FORMATS[format].is_compressed:
        ending = compression_of(where.uri.rpartition("/")[2])
        if ending in COMPRESSIONS:
            message = f"a file in the format {format} can't be compressed as a whole"
            expected = f"a name without .{ending}"
            yield (at / "uri").problem("E007", message, found=where.uri, expected=expected)


def _options(where: DataLocation, at: DocumentPath) -> Iterator[Problem]:
    own = FORMATS[where.read_as].options
    for key in OPTIONS:
        if key in where.options and key not in own:
            message = f"there are options of {key}, and it is read as {where.read_as}"
            expected = f"the format '{key}', or no '{key}'"
            yield (at / key).problem("E007", message, expected=expected)
        encoding = where.options.get(key, {}).get("encoding", "")
        if encoding and not _is_encoding(encoding):
            message = f"Python has no encoding of texts '{encoding}'"
            expected, place = "utf-8, cp1252, latin-1, utf-16, …", at / key / "encoding"
            yield place.problem("E007", message, found=encoding, expected=expected)
    known = FORMATS[where.read_as]
    if LIMIT in where.options and not known.is_compressed and known.name != "excel":
        message = f"a file in the format {known.name} isn't unpacked as a whole"
        yield (at / LIMIT).problem("E007", message, expected=f"no '{LIMIT}'")
    if "kedro" in where.options:
        message = "'kedro' is of Kedro's classes, and this is a file"
        expected = "a URI 'kedro:MODULE.CLASS', or no such key"
        yield (at / "kedro").problem("E010", message, expected=expected)
    yield from _csv(where.options.get("csv", {}), at / "csv", where.uri)


def _csv(options: Mapping[str, Any], at: DocumentPath, uri: str) -> Iterator[Problem]:
    usual = "\t" if is_tabbed(uri) else ","
    separator, decimal = options.get("separator", usual), options.get("decimal", ".")
    if separator == decimal:
        message = f"separator and decimal mark are both '{decimal}'"
        expected = "another separator, such as ';'"
        yield at.problem("E007", message, found=separator, expected=expected)
    for name in {*options.get("dates", ())} & {*options.get("types", {})}:
        message = f"the column '{name}' has a type, and is a date"
        yield (at / "types" / name).problem("E007", message, expected="it in one of the two")


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except LookupError:
        return False


def not_tables(where: DataLocation) -> str:
    """Return what a table would be read as instead, where its format has none; else nothing."""
    is_told_by_format = not (where.is_sql or where.is_kedro)
    return where.read_as if is_told_by_format and not FORMATS[where.read_as].is_table else ""


def table_endings() -> str:
    """Return the endings of files that have tables, in words."""
    return ", ".join(endings())


def check_data_sets(subject: Subject) -> Iterator[Problem]:
    """Check the data sets that a flow reads or writes, with where the Environment has them."""
    config: Config = subject.file.config
    for name in dict.fromkeys(name for name, _ in _uses(subject)):
        declared, where = config.data.get(name), subject.environment.data.get(name)
        at = subject.config_place / "data" / name
        if declared:
            yield from _declared(subject, declared, at)
            if where:
                yield from _placed(subject, declared, where, at)
        if where and where.query:
            yield from unbound_axes(subject, name, where)
        if where and scheme_of(where.uri) == "memory":
            yield from _in_memory(subject, name, where)


def _in_memory(subject: Subject, name: str, where: DataLocation) -> Iterator[Problem]:
    """Check that what is in one process's memory isn't read where steps are elsewhere."""
    flow = subject.flat.flow
    target = subject.environment.targets.get(flow, LOCAL)
    if target != LOCAL:
        at = subject.environment_place / "data" / name / "uri"
        message = f"memory: is that of one process, and {flow} runs on {target}"
        expected = "a place that its tasks can open, such as store:PATH or s3://BUCKET/PATH"
        yield at.problem("E009", message, found=where.uri, expected=expected)


def check_written(subject: Subject) -> Iterator[Problem]:
    """Check that what steps write can be written."""
    for step in subject.flat.steps.values():
        signature = subject.signatures.get(step.name)
        for name in signature.writes if signature else ():
            read = step.inputs.get(name)
            where = subject.environment.data.get(read.source.name) if read else None
            if read and where and read.source.kind == "data":
                yield from _written(read, where)


def _written(read: Input, where: DataLocation) -> Iterator[Problem]:
    known = PROTOCOLS.get(scheme_of(where.uri))
    what = ""
    if where.is_lake:
        what = f"a table in the format {where.format} is only read"
    elif known and not known.is_writable:
        what = f"{known.scheme}: is only read"
    elif where.query:
        what = "a query is only read"
    elif where.read_as == "parquet" and where.options.get("parquet"):
        what = "only a part of its rows or columns is read, and all would be replaced"
    if what:
        message = f"data.{read.source.name}: {what}, and the step writes it"
        expected = "a data set of its own for what is written"
        yield read.place.problem("E009", message, found=where.uri, expected=expected)


def _uses(subject: Subject) -> Iterator[tuple[str, Input]]:
    for step in subject.flat.steps.values():
        for read in step.reads():
            if read.source.kind == "data":
                yield read.source.name, read


def _declared(subject: Subject, declared: DataSet, at: DocumentPath) -> Iterator[Problem]:
    """Check what the Config alone says of a data set."""
    matrix = subject.file.config.matrix
    for number, placeholder in enumerate(declared.partition):
        axis = placeholder.removeprefix("{axis:").removesuffix("}")
        if placeholder != _INTERVAL and axis not in matrix:
            message = f"the matrix has no axis '{axis}', so that {placeholder} has no value"
            hint, expected = nearest(axis, matrix), names(matrix)
            place = at / "partition" / number
            yield place.problem("C046", message, found=placeholder, expected=expected, hint=hint)
    if declared.mode == "merge" and declared.type not in ("", TABLE):
        message = f"rows are merged by key, and its type is '{declared.type}'"
        yield (at / "write").problem("C046", message, expected="the type 'table'")
    if declared.checks and declared.type not in ("", TABLE):
        message = f"a table's rows and columns are checked, and its type is '{declared.type}'"
        yield (at / "checks").problem("C047", message, expected="the type 'table'")
    yield from _bounds(declared.checks, at / "checks")


def _bounds(checks: Mapping[str, Any], at: DocumentPath) -> Iterator[Problem]:
    ranges = [(at / "rows", checks.get("rows", {}))]
    ranges += [(at / "columns" / name, rule) for name, rule in checks.get("columns", {}).items()]
    for place, rule in ranges:
        low, high = rule.get("minimum"), rule.get("maximum")
        if low is not None and high is not None and low > high:
            message = f"nothing is at least {low} and at most {high}"
            yield place.problem("C047", message, expected="minimum below maximum")


def _placed(
    subject: Subject, declared: DataSet, where: DataLocation, at: DocumentPath
) -> Iterator[Problem]:
    """Check what the Config says of a data set that is where the Environment has it."""
    if where.is_kedro or where.is_lake:
        yield from foreign_uses(declared, where, at)
        return
    is_folder = where.uri.endswith("/")
    is_one = not is_folder and not where.is_sql
    found, environment = where.uri, subject.environment.name
    if declared.partition and is_one:
        message = f"it is divided into folders, and in the environment '{environment}' it is a file"
        expected = f"a folder, '{where.uri}/'"
        yield (at / "partition").problem("C046", message, found=found, expected=expected)
    elif declared.mode in ("append", "replace interval") and is_one:
        message = f"'{declared.mode}' adds files, and in the environment '{environment}' it is one"
        expected = f"a folder, '{where.uri}/'; or {{\"merge\": [columns]}}"
        yield (at / "write").problem("C046", message, found=found, expected=expected)
    elif declared.mode == "replace interval" and declared.partition and not where.is_sql:
        yield from _interval_in(declared, at / "partition")
    by_time = declared.mode == "replace interval" or _INTERVAL in declared.partition
    if where.is_sql and by_time and not declared.time:
        message = "the rows of an interval are known by their time, and no column has it"
        yield at.problem("C046", message, expected="'time', with the name of that column")


def _interval_in(declared: DataSet, at: DocumentPath) -> Iterator[Problem]:
    if _INTERVAL not in declared.partition:
        message = "an interval is to be replaced, and the partition has no {interval}"
        yield at.problem("C046", message, expected="{interval} in it")


RULES = (check_data_sets, check_written)
