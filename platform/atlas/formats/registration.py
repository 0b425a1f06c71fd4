"""Which formats there are: Atlas's own, and those that modules and packages register.

A built-in format is its class and one line of `BUILT_IN`. What validation, Plans and targets know
of it comes from the class, which is imported when it is needed.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats.format import article, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint

    from atlas.formats.format import Format

BUILT_IN: Mapping[str, str] = {
    "html": "plain:HtmlText",
    "markdown": "plain:MarkdownText",
    "png": "pictures:PngPicture",
    "svg": "pictures:SvgPicture",
    "image": "pictures:PillowImage",
    "plotly": "plots:PlotlyPage",
    "plotly-json": "plots:PlotlyJson",
    "text": "plain:Text",
    "bytes": "plain:Bytes",
    "json": "plain:Json",
    "file": "plain:FileFormat",
    "folder": "plain:FolderFormat",
    "parquet": "tables:Parquet",
    "arrow": "tables:Arrow",
    "npy": "tables:Npy",
    "xgboost": "boosters:Xgboost",
    "lightgbm": "boosters:Lightgbm",
    "catboost": "boosters:Catboost",
    "safetensors": "networks:Safetensors",
    "keras": "networks:Keras",
    "skops": "models:Skops",
    "pickle": "models:Pickle",
}
"""Name → module of this package and class, in the order in which a value's format is looked for."""
MODULES = "ATLAS_FORMATS"
"""Variable with the modules that add formats, separated by commas, for whoever reads artifacts of a
project without a Plan: its ``formats``."""
ENTRY_POINTS = "atlas.formats"
"""Group of the entry points that packages name their formats under."""

_registered: dict[str, Format] = {}
"""Formats that were added, the latest first."""


def register(added: Format) -> None:
    """Add a format, which is asked before those that are there; one of the same name goes.

    Raises:
        StoreError: it has the name of one of Atlas's own, which means the same everywhere.
    """
    if added.name in BUILT_IN:
        message = f"format '{added.name}': is one of Atlas's own; give yours another name"
        raise StoreError(message)
    _import_named_modules()
    others = {name: format for name, format in _registered.items() if name != added.name}
    _registered.clear()
    _registered.update({added.name: added, **others})


def proves_itself(format: Format) -> bool:
    """Tell whether a format's own class says that it proves what it writes.

    A subclass may write otherwise than its base, so it isn't asked for its base's word.
    """
    return bool(vars(type(format)).get("proves_itself"))


def use(modules: Iterable[str]) -> None:
    """Import modules that add formats, unless they are imported.

    Raises:
        StoreError: one can't be imported.
    """
    for module in modules:
        _import(module)


def named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        StoreError: there is none.
    """
    _import_named_modules()
    format = _registered.get(name) or built_in(name) or _from_packages(name)
    if format is None:
        known = ", ".join(dict.fromkeys((*_registered, *BUILT_IN)))
        raise StoreError(
            f"there is no format '{name}'; expected {known}, or one that `atlas.store.register` "
            "adds in a module that steps.py imports"
        )
    return format


def chosen(value: Any) -> Format:
    """Return the format for a value by its type.

    Raises:
        StoreError: no format is safe for it.
    """
    format = next((format for format in _in_order() if format.accepts(value)), None)
    if format is None:
        raise StoreError(
            f"no format keeps {_described(value)} without pickle; expected a table, an array, a "
            "scikit-learn model, plain data, str, bytes or a Path; or name the output's format in "
            'the Recipe: "outputs": {"NAME": {"format": "pickle"}}'
        )
    return format


@cache
def built_in(name: str) -> Format | None:
    """Return the format of Atlas's own that has a name; None without one."""
    if name not in BUILT_IN:
        return None
    module, cls = BUILT_IN[name].split(":")
    format: Format = getattr(import_module(f"atlas.formats.{module}"), cls)()
    return format


def is_installed(name: str) -> bool:
    """Tell whether an installed package has an entry point for a format; nothing is imported."""
    return bool(_entry_points(name))


# What classes say of types: for validation, Plans and targets, which import no user's code -------


@cache
def known_types() -> Mapping[str, tuple[str, ...]]:
    """Return the types that built-in formats keep: full name → wider types."""
    return {name: wider for format in _built_ins() for name, wider in format.types.items()}


@cache
def type_aliases() -> Mapping[str, str]:
    """Return further full names of the types that built-in formats keep: alias → public name."""
    return {alias: name for format in _built_ins() for alias, name in format.aliases.items()}


def arrival(type: str, format: str) -> str:
    """Return the full name of the type that a value comes back as, mostly its own.

    Args:
        type: full name of its type.
        format: name of the format that the Recipe gives it, or empty.
    """
    own = built_in(format) if format else _format_of(type)
    return own.arrives.get(type, type) if own is not None else type


def shown_as(type: str, format: str) -> str:
    """Return what pages show an output as (`Format.shows`).

    Args:
        type: full name of its type, or empty.
        format: name of the format that the Recipe gives it, or empty.
    """
    own = built_in(format) if format else _format_of(type)
    return own.shows if own is not None else ""


@cache
def _format_of(type: str) -> Format | None:
    return next((format for format in _built_ins() if type in format.types), None)


def _built_ins() -> Iterator[Format]:
    return filter(None, map(built_in, BUILT_IN))


def _in_order() -> Iterator[Format]:
    """Yield every known format, in the order in which a value's is looked for."""
    _import_named_modules()
    yield from _registered.values()
    yield from (format for format in _built_ins() if format.name not in _registered)


@cache
def _import_named_modules() -> None:
    use(filter(None, os.environ.get(MODULES, "").split(",")))


def _import(module: str) -> None:
    """Import a module of the project that adds formats.

    Raises:
        StoreError: it can't be imported.
    """
    try:
        import_module(module)
    except ImportError as error:
        hint = "[tool.atlas] formats names it; it has to be installed wherever steps run"
        raise StoreError(
            f"formats: module '{module}' can't be imported: {error} ({hint})"
        ) from error


def _from_packages(name: str) -> Format | None:
    for point in _entry_points(name):
        register(_loaded(point))
    return _registered.get(name)


def _loaded(point: EntryPoint) -> Format:
    """Return the format of an entry point.

    Raises:
        StoreError: it can't be imported, or has another name.
    """
    where = f"format '{point.name}': the entry point {point.value} of an installed package"
    try:
        format: Format = point.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise StoreError(f"{where} can't be loaded: {error}") from error
    if format.name != point.name:
        found = f"gives a format with the name '{format.name}'"
        raise StoreError(f"{where} {found}; expected '{point.name}'")
    return format


@cache
def _entry_points(name: str) -> Any:
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINTS, name=name)


def _described(value: Any) -> str:
    """Return a value's type; of a container, that of the first part that can't be kept."""
    from atlas.formats.packing import untaken

    path, part = untaken(value)
    inner = f" with {article(type_name(part))} at {clean(path, 120)}" if path else ""
    return f"a value of type {type_name(value)}{inner}"
