"""Type hints at run time: whether a value fits one.

Hints that can't be evaluated (a name under ``TYPE_CHECKING``) are compared by their name.
"""

from __future__ import annotations

import sys
import types
import typing
from collections import abc
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from atlas.template import Bounds

_ANY = (Any, object)


def resolve(hint: Any, names: dict[str, Any]) -> Any:
    """Return a hint that may be a string as what it stands for, or the string when it can't be.

    Args:
        hint: the annotation.
        names: the globals of the module it stands in.
    """
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, names)  # noqa: S307  (the user's own annotation, as typing does)
    except Exception:
        return hint


def globals_of(cls: type[Any]) -> dict[str, Any]:
    """Return the globals of the module that a class is defined in."""
    return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is what a hint asks for; a hint of an unknown kind takes anything."""
    if isinstance(hint, str):
        return _fits_name(value, hint)
    if hint is None or hint is type(None):
        return value is None
    if hint in _ANY or isinstance(hint, typing.TypeVar | typing.ForwardRef):
        return True
    origin = get_origin(hint)
    if origin is not None:
        return _fits_generic(value, origin, get_args(hint))
    return _fits_class(value, hint) if isinstance(hint, type) else True


def _fits_name(value: Any, hint: str) -> bool:
    """Compare by the last word of a name that couldn't be evaluated."""
    name = hint.partition("[")[0].strip()
    if "|" in hint or "[" in hint or not name.replace(".", "").isidentifier():
        return True
    last = name.rpartition(".")[2]
    return any(kind.__name__ == last for kind in type(value).__mro__)


def _fits_class(value: Any, hint: type[Any]) -> bool:
    if hint is float:
        return _is_number(value)
    if hint is int:
        return _is_whole(value)
    if getattr(hint, "_is_protocol", False) or typing.is_typeddict(hint):
        return True
    return isinstance(value, hint)


def _is_number(value: Any) -> bool:
    kinds = {kind.__name__ for kind in type(value).__mro__}
    return not isinstance(value, bool) and bool(kinds & {"int", "float", "floating", "integer"})


def _is_whole(value: Any) -> bool:
    kinds = {kind.__name__ for kind in type(value).__mro__}
    return not isinstance(value, bool) and bool(kinds & {"int", "integer"})


def _fits_generic(value: Any, origin: Any, args: tuple[Any, ...]) -> bool:
    if origin is Annotated:
        return fits(value, args[0]) and all(_within(value, constraint) for constraint in args[1:])
    if origin in (Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is Literal:
        return any(type(arg) is type(value) and arg == value for arg in args)
    if not isinstance(origin, type) or not isinstance(value, origin):
        return not isinstance(origin, type)
    return _items_fit(value, origin, args)


def _items_fit(value: Any, origin: type[Any], args: tuple[Any, ...]) -> bool:
    if origin is tuple and args[-1:] != (Ellipsis,):
        return len(value) == len(args) and all(map(fits, value, args))
    if issubclass(origin, abc.Mapping):
        keys = all(fits(key, args[0]) for key in value)
        return keys and all(fits(element, args[1]) for element in value.values())
    if issubclass(origin, list | tuple | set | frozenset) or origin is abc.Sequence:
        return all(fits(element, args[0]) for element in value)
    return True


def _within(value: Any, bounds: Any) -> bool:
    if not isinstance(bounds, Bounds):
        return True
    low, high = bounds
    if isinstance(value, bool) or not _is_number(value):
        return True
    return (low is None or value >= low) and (high is None or value <= high)


def shown(hint: Any) -> str:
    """Return a hint as its source spells it."""
    if isinstance(hint, str):
        return hint
    if isinstance(hint, type) and get_origin(hint) is None:
        package = hint.__module__.partition(".")[0]
        return (
            hint.__qualname__ if package in ("builtins", "atlas") else f"{package}.{hint.__name__}"
        )
    return str(hint).replace("typing.", "")
