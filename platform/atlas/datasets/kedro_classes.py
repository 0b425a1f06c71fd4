"""Kedro's own dataset classes as data sets: an adapter to the package ``kedro_datasets``.

A class is one of a closed list, taken from that package alone; its arguments are JSON. What would
unpickle what it reads, import what a file names or fetch code is not in the list.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from atlas.data_formats import KEDRO, KEDRO_CLASSES
from atlas.datasets.databases.connections import secrets_of
from atlas.errors import StoreError, clean
from atlas.masking import mask_of
from atlas.values import thawed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHORT = 4
"""Texts of credentials that are shorter say nothing, and would be hidden everywhere."""


def load_kedro(uri: str, arguments: Mapping[str, Any], credentials: Mapping[str, Any]) -> Any:
    """Return what a dataset of Kedro's loads.

    Args:
        uri: ``kedro:MODULE.CLASS``.
        arguments: those of its constructor.
        credentials: its ``credentials``, of a secret; empty for none.

    Raises:
        StoreError: it can't be made or loaded, or isn't installed.
    """
    return _told(uri, credentials, lambda: _made(uri, arguments, credentials).load())


def save_kedro(
    value: Any, uri: str, arguments: Mapping[str, Any], credentials: Mapping[str, Any]
) -> None:
    """Save a value by a dataset of Kedro's.

    Raises:
        StoreError: it can't be made or saved, or isn't installed.
    """
    _told(uri, credentials, lambda: _made(uri, arguments, credentials).save(value))


def _made(uri: str, arguments: Mapping[str, Any], credentials: Mapping[str, Any]) -> Any:
    """Return the dataset."""
    name = uri.removeprefix(KEDRO)
    if name not in KEDRO_CLASSES:
        raise StoreError(f"{uri}: expected one of Kedro's: {', '.join(KEDRO_CLASSES)}")
    module, _, cls = name.partition(".")
    made = getattr(importlib.import_module(f"kedro_datasets.{module}"), cls)
    own = {"credentials": dict(credentials)} if credentials else {}
    return made(**thawed(arguments), **own)


def _told(uri: str, credentials: Mapping[str, Any], work: Any) -> Any:
    """Do it; what goes wrong is reported without what credentials hold."""
    try:
        return work()
    except ImportError as error:
        hint = "pip install 'atlas-ml[kedro]', and what the class itself needs"
        raise StoreError(f"{uri}: {clean(str(error), 300)} ({hint})") from None
    except (MemoryError, StoreError):
        raise
    except Exception as error:
        first = error.__cause__ or error
        hidden = frozenset(text for text in _texts(credentials) if len(text) >= _SHORT)
        text = mask_of(hidden).text(" ".join(str(first).split())) or type(first).__name__
        raise StoreError(clean(f"{uri}: {text}", 700)) from None


def _texts(value: Any) -> Iterator[str]:
    """Give the texts in credentials, and the passwords in those that are URLs."""
    if isinstance(value, str):
        yield value
        yield from secrets_of(value) if "://" in value else ()
    elif hasattr(value, "values"):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
