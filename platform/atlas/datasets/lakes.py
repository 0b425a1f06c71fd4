"""Tables of a data lake, Delta and Iceberg, read through their own libraries.

What is read is a version of the table as a whole, never the files that happen to be there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from atlas.data_formats import DELTA, FORMATS, scheme_of
from atlas.datasets.locations import open_data_location
from atlas.errors import StoreError, clean
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    Options = Mapping[str, Any]

_METADATA = re.compile(r"v?(\d+)(?:-[^/]*)?\.metadata\.json")
_IMPLEMENTATION = "py-"
"""Beginning of properties by which PyIceberg would import a class that the table names."""


def read_lake(uri: str, format: str, options: Options, storage: Options) -> Any:
    """Return a table as a DataFrame.

    Args:
        uri: its folder; of Iceberg, also one of its files ``….metadata.json``.
        format: ``delta`` or ``iceberg``.
        options: ``version`` (of Delta) or ``snapshot`` (of Iceberg), ``columns``, ``filters``.
        storage: what the library is given to open the place, of a secret; the environment says the
            rest.

    Raises:
        FileNotFoundError: there is no table.
        StoreError: it can't be read, or its library isn't installed.
    """
    try:
        return (_read_delta if format == DELTA else _read_iceberg)(uri, options, storage)
    except ImportError as error:
        hint = f"pip install 'atlas-ml[{FORMATS[format].extra}]'"
        raise StoreError(f"needs '{error.name}': {hint}") from None
    except (FileNotFoundError, MemoryError, StoreError):
        raise
    except Exception as error:
        first = clean(" ".join(str(error).split()) or type(error).__name__, 400)
        raise StoreError(f"{uri} can't be read as {format}: {first}") from None


def _read_delta(uri: str, options: Options, storage: Options) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    place = str(path_of(uri)) if is_file_uri(uri) else uri
    texts = {str(name): str(value) for name, value in storage.items()}
    try:
        table = DeltaTable(place, version=options.get("version"), storage_options=texts or None)
    except TableNotFoundError:
        raise FileNotFoundError(uri) from None
    names = [field.name for field in table.schema().fields]
    filters = [(one["column"], one["is"], _value(one)) for one in options.get("filters", ())]
    _check(names, options, DELTA)
    columns = list(options["columns"]) if "columns" in options else None
    return table.to_pyarrow_table(columns=columns, filters=filters or None).to_pandas()


def _read_iceberg(uri: str, options: Options, storage: Options) -> Any:
    from pyiceberg.expressions import AlwaysTrue, And
    from pyiceberg.table import StaticTable

    metadata = _metadata_of(uri, storage)
    table = StaticTable.from_metadata(metadata, {k: str(v) for k, v in storage.items()})
    _check([field.name for field in table.schema().fields], options, "iceberg")
    conditions = [_condition(one) for one in options.get("filters", ())]
    scan = table.scan(
        row_filter=And(*conditions) if len(conditions) > 1 else (conditions or [AlwaysTrue()])[0],
        selected_fields=tuple(options.get("columns", ("*",))),
        snapshot_id=options.get("snapshot"),
    )
    return scan.to_arrow().to_pandas()


def _metadata_of(uri: str, storage: Options) -> str:
    """Return the place of a table's newest metadata, which name no class to be imported.

    Raises:
        FileNotFoundError: there are none.
        StoreError: they name a class.
    """
    folder, _, name = uri.rpartition("/")
    if not name:
        folder = f"{folder}/metadata"
    own = {} if scheme_of(uri) == "s3" else storage
    place = open_data_location(folder, own)
    if not name:
        keys = [entry.key for entry in place.entries("") if _METADATA.fullmatch(entry.key)]
        if not keys:
            raise FileNotFoundError(uri)
        name = max(keys, key=lambda key: int(_METADATA.fullmatch(key)[1]))  # type: ignore[index]
    properties = json.loads(place.read(name)).get("properties", {})
    named = next((key for key in properties if str(key).startswith(_IMPLEMENTATION)), "")
    if named:
        text = f"the table's property '{clean(str(named), 80)}' names a class to be imported"
        raise StoreError(f"{uri}: {text}; remove it from the table")
    return f"{folder}/{name}"


def _condition(one: Mapping[str, Any]) -> Any:
    from pyiceberg import expressions

    made = {
        "=": expressions.EqualTo, "!=": expressions.NotEqualTo, "<": expressions.LessThan,
        "<=": expressions.LessThanOrEqual, ">": expressions.GreaterThan,
        ">=": expressions.GreaterThanOrEqual, "in": expressions.In, "not in": expressions.NotIn,
    }  # fmt: skip
    return made[one["is"]](one["column"], _value(one))


def _value(one: Mapping[str, Any]) -> Any:
    value = one["value"]
    return list(value) if isinstance(value, tuple) else value


def _check(names: list[str], options: Options, field: str) -> None:
    """Refuse columns that the table hasn't.

    Raises:
        StoreError: one is named.
    """
    wanted = [*options.get("columns", ()), *(one["column"] for one in options.get("filters", ()))]
    gone = next((name for name in wanted if name not in names), None)
    if gone is not None:
        found = ", ".join(names[:30])
        raise StoreError(clean(f"{field}: no column '{gone}'; it has {found}", 400))
