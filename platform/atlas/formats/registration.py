"""Which formats there are: Atlas's own, and those that modules and packages register.

A built-in format is its class and one line of `BUILT_IN`. What validation, Plans and targets know
of it comes from the class, which is imported when it is needed.
"""

from __future__ import annotations

import os
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats.format import ancestry, article, short, type_name
from atlas.formats.packages import entry_points_of, loaded, loaded_for_type, points_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint

    from atlas.formats.format import Format
    from atlas.formats.trust import Trust

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
    "npy": "arrays:Npy",
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


def readable(name: str, trust: Trust) -> Format:
    """Return the format that an artifact's manifest names, to read it with.

    A manifest is data that others may have written. It chooses among the formats that are there;
    one of an installed package is imported only where the local Plan asks for it.

    Args:
        name: as the manifest has it.
        trust: what the Plan says: the format that the Recipe names, or the type of the hint.

    Raises:
        StoreError: there is no such format, or the Plan doesn't ask for it.
    """
    _import_named_modules()
    format = _registered.get(name) or built_in(name)
    if format is None and name == trust.format:
        format = _from_packages(name)
    if format is None:
        kept = (_registered_of(point) for point in points_of({short(trust.type)}))
        format = next((one for one in kept if one.name == name), None)
    if format is None:
        raise StoreError(
            f"it is kept as '{clean(name, 80)}', none of Atlas's own formats, and nothing here "
            f'asks for it; expected "outputs": {{"NAME": {{"format": "{clean(name, 80)}"}}}} in '
            "the Recipe, or a module that steps.py imports to register it"
        )
    return format


def _registered_of(point: EntryPoint) -> Format:
    """Return the format that a package has for a type, registered from now on."""
    format = loaded_for_type(point)
    register(format)
    return format


def chosen(value: Any) -> Format:
    """Return the format for a value by its type.

    Raises:
        StoreError: no format is safe for it.
    """
    format = next((format for format in _in_order() if format.accepts(value)), None)
    if format is None or is_dataclass(type(value)):
        format = next(map(_registered_of, points_of(ancestry(value))), format)
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
    return bool(entry_points_of(name))


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
    for point in entry_points_of(name):
        register(loaded(point))
    return _registered.get(name)


def _described(value: Any) -> str:
    """Return a value's type; of a container, that of the first part that can't be kept."""
    from atlas.formats.packing import untaken

    path, part = untaken(value)
    inner = f" with {article(type_name(part))} at {clean(path, 120)}" if path else ""
    return f"a value of type {type_name(value)}{inner}"
