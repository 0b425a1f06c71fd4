"""Kedro's configuration: the catalog and the parameters, read as plain YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.load import shown
from atlas_import.draft import Note
from atlas_import.sources import files_below, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_VALUES = 20_000
"""In one file, with what aliases repeat."""
FORMATS = {
    "pandas.CSVDataset": "csv", "pandas.ParquetDataset": "parquet", "pandas.ExcelDataset": "excel",
    "pandas.JSONDataset": "json", "json.JSONDataset": "json", "text.TextDataset": "text",
}  # fmt: skip
"""Types that Atlas reads itself, with the last word of their package."""
CSV_ARGUMENTS = {"sep": "separator", "decimal": "decimal", "encoding": "encoding"}
"""Arguments of pandas.read_csv that an Environment has a word for."""
PICKLES = ("pickle.PickleDataset",)


@dataclass(frozen=True, slots=True)
class CatalogDataset:
    """One data set of the catalog.

    Attributes:
        name: its name.
        place: the file and line.
        kind: the class's name, with the last word of its package: ``pandas.CSVDataset``.
        values: all that the entry says.
    """

    name: str
    place: str
    kind: str
    values: dict[str, Any]


@dataclass(slots=True)
class KedroSettings:
    """What a Kedro project's configuration says."""

    entries: dict[str, CatalogDataset] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def settings_of(project: Path) -> KedroSettings:
    """Return the catalog and the parameters of `conf/base`."""
    settings = KedroSettings()
    conf = project / "conf" / "base"
    for path in files_below(conf, ".yml", ".yaml") if conf.is_dir() else ():
        place = path.relative_to(project).as_posix()
        try:
            if path.name.startswith("catalog") or "catalog" in path.relative_to(conf).parts[:-1]:
                _catalog(path, place, settings)
            elif path.name.startswith("parameters"):
                settings.parameters |= {key: value for key, (value, _) in _mapping(path).items()}
        except AtlasError as error:
            settings.notes.append(Note(place, str(error)))
    if (project / "conf" / "local").is_dir():
        text = "not read, for it holds credentials: name secrets in the Recipe"
        settings.notes.append(Note("conf/local", text))
    return settings


def _catalog(path: Path, place: str, settings: KedroSettings) -> None:
    for name, (value, line) in _mapping(path).items():
        where = f"{place}:{line}"
        if name.startswith("_"):
            continue
        if "{" in name:
            text = f"the dataset factory '{name}' wasn't taken over: declare each data set"
            settings.notes.append(Note(where, text))
        elif isinstance(value, dict) and isinstance(value.get("type"), str):
            kind = ".".join(value["type"].split(".")[-2:]).replace("DataSet", "Dataset")
            settings.entries[name] = CatalogDataset(name, where, kind, value)
        else:
            settings.notes.append(Note(where, f"'{name}' has no type, and wasn't taken over"))


def _mapping(path: Path) -> dict[str, tuple[Any, int]]:
    """Return a YAML file's keys, each with its value and its line.

    Raises:
        AtlasError: it can't be read, or isn't a mapping.
    """
    try:
        import yaml
    except ImportError:
        raise AtlasError(
            "reading Kedro's YAML needs PyYAML: pip install 'atlas-ml[deploy]'"
        ) from None
    text = text_of(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_size(root)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is nested too deep"
        raise AtlasError(f"{shown(path)}: isn't YAML that can be taken over: {reason}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AtlasError(f"{shown(path)}: expected a mapping")
    lines = {key.value: key.start_mark.line + 1 for key, _ in root.value} if root else {}
    return {str(key): (_plain(one), lines.get(str(key), 1)) for key, one in value.items()}


def _check_size(root: Any) -> None:
    """Refuse a document that aliases blow up, before anything is made of it."""
    if sum(1 for _ in _nodes(root)) > _MOST_VALUES:
        raise ValueError(f"more than {_MOST_VALUES:,} values, with what its aliases repeat")


def _nodes(root: Any) -> Iterator[Any]:
    left, count = [root], 0
    while left and count <= _MOST_VALUES:
        node = left.pop()
        count += 1
        yield node
        for item in (
            getattr(node, "value", ()) if isinstance(getattr(node, "value", 0), list) else ()
        ):
            left += item if isinstance(item, tuple) else [item]


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if isinstance(value, bool | int | float | None) else str(value)
