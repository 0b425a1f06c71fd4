"""A pytest plugin: which classes of pipelines tests have made instances of, for `atlas test`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

FILE = "ATLAS_TOUCHED"
"""Variable with the file that the classes are written to, as JSON: ``config/module:Class``."""

_PREFIX = "atlas.step.code."
_touched: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    """Watch which Templates are constructed, when somebody wants to know."""
    if not os.environ.get(FILE):
        return
    from atlas.template import Template

    usual = Template.__init__
    if hasattr(usual, "is_watched"):
        return

    def watched(self: Template, *arguments: Any, **params: Any) -> None:
        _touch(type(self))
        usual(self, *arguments, **params)

    watched.is_watched = True  # type: ignore[attr-defined]
    Template.__init__ = watched  # type: ignore[method-assign]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was touched."""
    file = os.environ.get(FILE)
    if file:
        Path(file).write_text(json.dumps(sorted(_touched)), "utf-8")


def _touch(cls: type[Any]) -> None:
    """Remember a class with the pipeline's classes that it is made of."""
    for kind in cls.__mro__:
        if kind.__module__.startswith(_PREFIX):
            config, _, module = kind.__module__.removeprefix(_PREFIX).partition(".")
            _touched.add(f"{config}/{module}:{kind.__qualname__}")
