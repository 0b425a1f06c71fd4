"""Steps that are plain functions: `step` marks one; a run makes a Template of it.

Keyword-only arguments are params, the others inputs. The fields of the NamedTuple, dataclass or
TypedDict that is returned are the outputs; any other value is one output, ``value``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from atlas.recipe import STEP_MARK
from atlas.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")
CONTEXT = "context"
"""The keyword-only argument that gets the step's `Context`."""


class FunctionStep(Template):
    """Base of the Templates that functions are."""


def step(function: Function) -> Function:
    """Mark a function as a step; it stays the function that it is.

    A Recipe names it as it names a class: ``"steps:double"``.

    Example:
        >>> @step
        ... def double(number: int, *, factor: int = 2) -> int:
        ...     return number * factor
        >>> double(3, factor=3)
        9

    Args:
        function: its positional arguments are inputs, its keyword-only ones params; a keyword-only
            argument ``context`` gets the step's `Context`.

    Raises:
        TypeError: it isn't a function, or an argument has a name that no param can have.
    """
    if not inspect.isfunction(function):
        raise TypeError(f"@step stands above a function; found {function!r}")
    for name in params_of(function):
        if name.startswith("_") or hasattr(FunctionStep, name):
            raise TypeError(f"{function.__name__}: a param can't be called '{name}'")
    setattr(function, STEP_MARK, True)
    return function


def is_step(target: Any) -> bool:
    """Tell whether something is a function that `step` has marked."""
    return inspect.isfunction(target) and getattr(target, STEP_MARK, False) is True


def params_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the arguments of a function that are params."""
    given = inspect.signature(function).parameters.values()
    return {one.name: one for one in given if one.kind is one.KEYWORD_ONLY and one.name != CONTEXT}
