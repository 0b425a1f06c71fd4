"""Data sets of the Config, opened where the Environment says they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from atlas.data_formats import FORMATS, KEDRO, SQL, format_of
from atlas.datasets.fields import RunFacts
from atlas.errors import StepError, StoreError
from atlas.step.data import WRITES, DataHandle
from atlas.uris import inside, is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanData as Declared


def open_data(
    declared: Declared,
    name: str,
    step: str,
    interval: str,
    store: str,
    *,
    axes: Mapping[str, str] | None = None,
    end: str = "",
    run: str = "",
    writer: str = "",
    secret: str = "",
) -> DataHandle:
    """Return the handle of a data set.

    Args:
        declared: what the Plan says of it.
        name: its name in the Config.
        step: the step that gets it, for messages.
        interval: start of the run's interval, or empty.
        store: URL of the artifact store, for ``store:`` URIs.
        axes: the pipeline's axis values, where it is a member of a family.
        end: end of the run's interval, or empty.
        run: the run's id, or empty.
        writer: pipeline, flow and step, which tell what is appended apart; or empty.
        secret: the value of its credential: of a database, its URL.

    Raises:
        StepError: its URI or format is none that can be opened here.
    """
    facts = RunFacts(run, interval, end, axes or {}, writer)
    if declared.uri.startswith(SQL):
        return _open_sql(declared, name, step, facts, secret)
    if declared.uri.startswith(KEDRO):
        kind = "parquet" if os.environ.get(WRITES) else "kedro"
        return DataHandle(name, f"{declared.uri}/{name}", kind, step, declared, facts)
    try:
        uri = absolute(declared.uri, store)
    except StoreError as error:
        raise StepError(step, f"data.{name}: {error}") from error
    if not uri:
        hint = "the Environment's data must say where it is"
        raise StepError(step, f"data.{name}: can't open {declared.uri or 'it'} ({hint})")
    format = declared.format or format_of(uri)
    if format not in FORMATS:
        raise StepError(step, f"data.{name}: format '{format}', expected {', '.join(FORMATS)}")
    return DataHandle(name, uri, format, step, declared, facts)


def _open_sql(declared: Declared, name: str, step: str, facts: RunFacts, secret: str) -> DataHandle:
    from atlas.datasets.databases.source import SqlSource

    source = SqlSource(
        declared.credential, secret, declared.table, declared.query,
        declared.partition, declared.mode, declared.key, declared.time,
    )  # fmt: skip
    kind = "parquet" if os.environ.get(WRITES) else "sql"  # What is written apart is a file.
    return DataHandle(name, source.name, kind, step, declared, facts, sql=source)


def absolute(uri: str, store: str) -> str:
    """Return a data set's URI with the store or the project in front, where it is in one.

    What stands behind ``store:`` and ``project:`` is a path as it is, with nothing escaped.

    Raises:
        StoreError: it leaves the store or the project.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "store":
        return inside(path_of(store), rest) if is_file_uri(store) else f"{store}/{rest}"
    if scheme == "project":
        project = os.environ.get("ATLAS_PROJECT", "")
        return inside(project, rest) if project else ""
    return uri
