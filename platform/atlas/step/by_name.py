"""Modules of Python's own that take the name of another, as a pipeline's modules see them.

``importlib.import_module("helpers")`` means the folder's own ``helpers``, as ``import helpers``
does. A view stands for such a module: its functions are given the full name, and all else is the
module's own.
"""

from __future__ import annotations

import sys
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_TAKING_NAMES = {
    "importlib": ("import_module",),
    "importlib.util": ("find_spec",),
    "importlib.resources": (
        *("files", "contents", "is_resource", "path"),
        *("open_binary", "open_text", "read_binary", "read_text"),
    ),
    "pkgutil": ("get_data", "resolve_name"),
}
"""Modules, and their functions that take a module's name: first, or to be relative to."""


def view(module: Any, full: Callable[[str], str]) -> Any:
    """Return what stands for a module in a pipeline's code; the module itself for most.

    Args:
        module: what an import statement gave.
        full: gives the full name of a module that the code calls by a plain one.
    """
    name = getattr(module, "__name__", "")
    if name not in _TAKING_NAMES or sys.modules.get(name) is not module:
        return module
    # A plain module, so that what pickles functions with their globals takes it by its name.
    made = ModuleType(name)
    vars(made).update({key: value for key, value in vars(module).items() if key[:2] == "__"})
    for function in _TAKING_NAMES[name]:
        if hasattr(module, function):
            setattr(made, function, _with_full_names(getattr(module, function), full))
    vars(made)["__getattr__"] = lambda attribute: view(getattr(module, attribute), full)
    vars(made)["__dir__"] = lambda: dir(module)
    return made


def _with_full_names(function: Callable[..., Any], full: Callable[[str], str]) -> Any:
    """Return a function that is given full names of modules."""

    # `importlib.resources.files()` looks for its caller above frames of this name.
    @wraps(function)
    def wrapper(*given: Any, **named: Any) -> Any:
        return function(
            *map(_name, given), **{key: _name(argument) for key, argument in named.items()}
        )

    def _name(value: Any) -> Any:
        return full(value) if isinstance(value, str) else value

    return wrapper
