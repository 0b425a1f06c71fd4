"""A pytest plugin: the tests of a pipeline import its modules by their plain names.

Below the folder of the pipeline ``tumour``, ``from steps import Split`` gives its own `Split`, the
very class that a run uses, though the folder beside it may have a ``steps.py`` too.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path
    from types import ModuleType


pytest_plugins = ("atlas.testing.fixtures", "atlas.testing.touched")
"""What comes with it: the fixtures, and the record of the steps that tests touch."""


class _Alias:
    """Loads a module of a pipeline under its plain name: the one that there is, not a copy."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module under its private name."""
        module = import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Keep the module as it is; the import system has just replaced its spec."""
        module.__spec__ = self.spec


class _OwnModulesFinder:
    """Finds the modules of the pipeline whose tests are being collected or run."""

    def __init__(self) -> None:
        self.pipelines: list[tuple[str, frozenset[str]]] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return where a module is, when it is the pipeline's own."""
        name, own = self.pipelines[-1] if self.pipelines else ("", frozenset())
        if fullname.partition(".")[0] not in own:
            return None
        return ModuleSpec(fullname, _Alias(f"atlas.step.code.{name}.{fullname}"))  # type: ignore[arg-type]


_finder = _OwnModulesFinder()


@contextmanager
def own_modules(test: Path) -> Iterator[None]:
    """Let plain imports mean the modules of the pipeline that a test file belongs to."""
    located = pipeline_of(test.parent)
    if located is None:
        yield
        return
    from atlas.step import code

    name, folder = located
    code.mount(name, folder)
    own = frozenset(_modules(folder))
    hidden = _take_out(own)
    _finder.pipelines.append((name, own))
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    try:
        yield
    finally:
        _finder.pipelines.pop()
        _take_out(own)
        sys.modules.update(hidden)


@cache
def pipeline_of(folder: Path) -> tuple[str, Path] | None:
    """Return the name and folder of the pipeline that a folder is in, or None."""
    for place in (folder, *folder.parents):
        for file in (place / "config.json", *sorted(place.glob("configs/*.json"))):
            name = _name(file)
            if name:
                return name, place
    return None


def _name(config: Path) -> str:
    try:
        raw = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    is_config = isinstance(raw, dict) and bool({"recipes", "extends"} & raw.keys())
    is_pipeline = is_config and raw.get("abstract") is not True
    return str(raw.get("name", "")) if is_pipeline else ""


def _modules(folder: Path) -> Iterator[str]:
    """Yield the names of the modules at the top of a pipeline's folder; its tests are none."""
    for path in folder.iterdir():
        if path.suffix == ".py":
            yield path.stem
        elif path.name.isidentifier() and path.name != "tests" and any(path.glob("*.py")):
            yield path.name


def _take_out(own: frozenset[str]) -> dict[str, ModuleType]:
    """Remove modules of these names from those that are loaded, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] in own]
    return {name: sys.modules.pop(name) for name in names}


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Collect a test file with its pipeline's modules at hand."""
    if not isinstance(collector, pytest.Module):
        return (yield)
    with own_modules(collector.path):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run a test with its pipeline's modules at hand."""
    with own_modules(item.path):
        return (yield)
