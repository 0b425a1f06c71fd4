"""The Template that a function is which `atlas.functions.step` has marked."""

from __future__ import annotations

import inspect
import typing
from dataclasses import is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas.functions import CONTEXT, FunctionStep, params_of
from atlas.recipe import VALUE
from atlas.step.hints import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

_EMPTY = inspect.Parameter.empty


@cache
def template_of(function: Callable[..., Any]) -> type[FunctionStep]:
    """Return a function as a class: params as annotated attributes, and a `run` that calls it.

    Its module has to be imported whole, for its hints may name what stands further down.
    """
    raw = inspect.get_annotations(function)
    hints = {name: resolve(hint, function.__globals__) for name, hint in raw.items()}
    params = params_of(function)
    defaults = {name: one.default for name, one in params.items() if one.default is not _EMPTY}
    members = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": function.__doc__,
        "__annotations__": {name: hints.get(name, Any) for name in params},
        **defaults,
        "run": _run(function, hints, tuple(params)),
    }
    return type(function.__name__, (FunctionStep,), members)


def _run(
    function: Callable[..., Any], hints: dict[str, Any], params: tuple[str, ...]
) -> Callable[..., Any]:
    """Return the method `run` of the class: it hands on inputs, params and context."""
    arguments = inspect.signature(function).parameters.values()
    inputs = [one for one in arguments if one.kind is not one.KEYWORD_ONLY]
    takes_context = any(one.name == CONTEXT for one in arguments if one not in inputs)
    record = _record(function, hints.get("return", _EMPTY))

    def run(self: FunctionStep, *given: Any, **named: Any) -> Any:
        own = {name: getattr(self, name) for name in params}
        more = {CONTEXT: self.context} if takes_context else {}
        result = function(*given, **named, **own, **more)
        return result if record is None else record(result)

    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([owner, *inputs])  # type: ignore[attr-defined]
    returned = hints.get("return", _EMPTY) if record is None else record
    given = {one.name: hints[one.name] for one in inputs if one.name in hints}
    run.__annotations__ = given if returned is _EMPTY else {**given, "return": returned}
    return run


def _record(function: Callable[..., Any], hint: Any) -> type[Any] | None:
    """Return the record for a value; None where what is returned is one, or nothing."""
    if hint is None or hint is type(None) or hint is _EMPTY or _is_record(hint):
        return None
    made: type[Any] = NamedTuple("Value", [(VALUE, hint)])  # type: ignore[misc]
    made.__module__ = function.__module__
    return made


def _is_record(hint: Any) -> bool:
    if not isinstance(hint, type):
        return False
    return hasattr(hint, "_fields") or is_dataclass(hint) or typing.is_typeddict(hint)
