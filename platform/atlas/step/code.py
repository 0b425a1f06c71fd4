"""Users' code, loaded under a private name a pipeline: every folder may have its own `steps.py`.

The folder of the pipeline ``tumour`` is the package ``atlas.step.code.tumour``; its ``steps.py`` is
``atlas.step.code.tumour.steps``. Inside it, ``import helpers`` and ``from .helpers import x`` both
mean the folder's own module, and nothing of it is importable as ``helpers`` elsewhere.

A model that was pickled or stored with skops names its classes so. That is why the name is the
Config's, the same in training and inference, and why a process that a step starts (joblib,
multiprocessing) finds the code too: the variable ``ATLAS_CODE`` says which folder is which.
"""

from __future__ import annotations

import builtins
import json
import os
import re
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec as find_installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.recipe import STEP_MARK, TEMPLATE_MODULES
from atlas.step.by_name import view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

FOLDERS = "ATLAS_CODE"
"""Variable with a JSON object: a Config's name → the folder of its code."""

__path__: list[str] = []

_PREFIX = f"{__name__}."
_folders: dict[str, str] = {}
_versions: dict[str, str] = {}
_lock = threading.RLock()


def mount(name: str, folder: Path, version: str = "") -> None:
    """Make a folder's code the package of a pipeline.

    Args:
        name: the Config's name.
        folder: where the code is. Another folder under the same name takes its place.
        version: digest of the code; a new one is read again. Without it, what is loaded stays.
    """
    path = os.fspath(folder)
    with _lock:
        before = _versions.get(name, "")
        if _folders.get(name) == path and (not before or version in ("", before)):
            _versions[name] = before or version
            return
        unmount(name)
        _folders[name], _versions[name] = path, version
        _publish()


def announce(folders: Mapping[str, Path]) -> None:
    """Say where pipelines' code is that isn't mounted yet: what one has made, another may read.

    Args:
        folders: a Config's name → the folder of its code.
    """
    with _lock:
        _folders.update(
            {n: os.fspath(folder) for n, folder in folders.items() if n not in _folders}
        )
        _publish()


def _publish() -> None:
    """Set the variable for processes that are started here; its entries for others stay."""
    os.environ[FOLDERS] = json.dumps({**_announced(), **_folders})


def _announced() -> dict[str, str]:
    """Return the folders that the variable names."""
    folders: dict[str, str] = json.loads(os.environ.get(FOLDERS) or "{}")
    return folders


def unmount(name: str) -> None:
    """Forget a pipeline's code, so that it is read again."""
    _folders.pop(name, None)
    _versions.pop(name, None)
    package = f"{_PREFIX}{name}"
    for module in [
        module for module in sys.modules if module == package or module.startswith(f"{package}.")
    ]:
        del sys.modules[module]
    _is_sibling.cache_clear()


def load_class(name: str, cls: str, allow: Sequence[str] = ()) -> type[Any]:
    """Return a class of a mounted pipeline's code, or of a package that the project allows.

    A function that is a step is given as the Template that it is.

    Args:
        name: the Config's name.
        cls: ``module:Class``.
        allow: packages besides the pipeline's own that the class may be of.

    Raises:
        ImportError: there is no such module, or it isn't allowed; and whatever importing it raises.
        AttributeError: there is no such class in it.
    """
    module, _, attribute = cls.partition(":")
    own = _is_sibling(_folders[name], module.partition(".")[0])
    full = f"{_PREFIX}{name}.{module}" if own else module
    allowed = (f"{_PREFIX}{name}", *TEMPLATE_MODULES, *allow)
    _check_allowed(full, allowed)
    target = getattr(import_module(full), attribute)
    if getattr(target, STEP_MARK, False):
        from atlas.step.functions import template_of

        target = template_of(target)
    if not isinstance(target, type):
        raise AttributeError(f"{cls} isn't a class")
    _check_allowed(target.__module__, allowed)
    return target


def _check_allowed(module: str, allowed: Sequence[str]) -> None:
    if not any(f"{module}.".startswith(f"{package}.") for package in allowed):
        where = "neither in the pipeline's folder nor allowed by the project ([tool.atlas] allow)"
        raise ImportError(f"'{module}' is {where}", name=module)


@lru_cache(maxsize=10_000)
def _is_sibling(folder: str, name: str) -> bool:
    """Tell whether a plain import of a name means the folder's own module, as for a script.

    That of Atlas never does.
    """
    if name == "atlas":
        return False
    base = Path(folder, name)
    if base.with_suffix(".py").is_file() or (base / "__init__.py").is_file():
        return True
    return base.is_dir() and any(base.rglob("*.py")) and find_installed(name) is None


class _Loader(SourceFileLoader):
    """Loads one module, whose plain imports look into its pipeline's folder first."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own ``__import__`` and run it."""
        pipeline = module.__name__.removeprefix(_PREFIX).partition(".")[0]
        own = {**vars(builtins), "__import__": _importing(pipeline)}
        module.__dict__["__builtins__"] = own
        super().exec_module(module)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Cache bytecode in a folder that is as private as that of its source."""
        cache = os.path.dirname(path)
        with suppress(OSError):
            os.mkdir(cache, os.stat(os.path.dirname(cache)).st_mode & 0o777)
        super().set_data(path, data, _mode=_mode)


def _importing(pipeline: str) -> Callable[..., Any]:
    """Return what the import statement calls in the modules of a pipeline."""
    package, folder = f"{_PREFIX}{pipeline}", _folders[pipeline]

    def full(name: str) -> str:
        top = re.split("[.:]", name, maxsplit=1)[0]
        return f"{package}.{name}" if top and _is_sibling(folder, top) else name

    def load(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if level:
            _check_inside(package, globals, level)
        own = name if level else full(name)
        if own == name:
            module = builtins.__import__(name, globals, locals, fromlist, level)
            return view(module, full)
        import_module(own)
        if fromlist:
            return builtins.__import__(own, globals, locals, fromlist, 0)
        return sys.modules[f"{package}.{name.partition('.')[0]}"]

    return load


def _check_inside(package: str, globals: Any, level: int) -> None:
    """Refuse a relative import that leaves the folder, for what is above it are others' modules."""
    here = str((globals or {}).get("__package__") or "")
    if here.startswith(package) and level - 1 > here.count(".") - package.count("."):
        raise ImportError("attempted relative import beyond the pipeline's folder")


class _StepFinder:
    """Finds the modules of mounted pipelines."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return where a module of a pipeline is; None for every other name."""
        if not fullname.startswith(_PREFIX):
            return None
        name = fullname.removeprefix(_PREFIX)
        if "." not in name:
            return _package(fullname, name)
        for folder in path or ():
            spec = _file_finder(folder).find_spec(fullname)
            if spec is not None:
                return spec
        return None


def _package(fullname: str, name: str) -> ModuleSpec | None:
    """Return the package that stands for a pipeline's whole folder."""
    if name not in _folders:
        _folders.update(_announced())
    if name not in _folders:
        return None
    spec = ModuleSpec(fullname, None, is_package=True)
    spec.submodule_search_locations = [_folders[name]]
    return spec


def _file_finder(folder: str) -> FileFinder:
    sources = (_Loader, SOURCE_SUFFIXES)
    return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), sources)


if not any(isinstance(finder, _StepFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, _StepFinder())
