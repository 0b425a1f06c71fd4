"""The standard library's `dataclass`, with the work done when a class is used, not when it is made.

The standard one writes and compiles six functions for each class. A command imports a hundred such
classes and makes instances of a third of them, so that this was a quarter of its whole time. Here
a class gets its fields and shared functions at once, and its own `__init__` with its first
instance. To `dataclasses` (`fields`, `replace`, `asdict`) and to type checkers it is the same,
but for ordering, `InitVar` and `KW_ONLY`, which it doesn't have.

Classes that users read the signatures of, such as `atlas.Context`, stay with the standard one.
"""

from __future__ import annotations

import dataclasses
import reprlib
from dataclasses import KW_ONLY, MISSING, Field, FrozenInstanceError, InitVar
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from dataclasses import dataclass

    Fields = dict[str, Field[Any]]

__all__ = ["dataclass"]


def _dataclass(
    cls: type | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    repr: bool = True,
) -> Any:
    """Make a class a dataclass, as `dataclasses.dataclass` does."""
    if cls is None:
        return lambda decorated: _dataclass(
            decorated, frozen=frozen, slots=slots, kw_only=kw_only, repr=repr
        )
    fields = _fields(cls, kw_only=kw_only)
    added = _functions(fields, frozen=frozen, shown=repr)
    own = cls.__dict__
    if "__eq__" not in own:
        added["__hash__"] = _hash(fields) if frozen else None
    if frozen and slots:
        added |= {"__getstate__": _state, "__setstate__": _set_state}
    chosen = {name: value for name, value in added.items() if own.get(name) is None}
    made = _with_slots(cls, fields, chosen) if slots else _with(cls, fields, chosen)
    if "__init__" not in own:
        made.__init__ = _init(made, [*fields.values()], frozen=frozen)
    return made


if not TYPE_CHECKING:
    dataclass = _dataclass


@dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False)
class _Example:
    """Shows what marks a field."""

    field: int


_FIELD_TYPE = dataclasses.fields(_Example)[0]._field_type  # type: ignore[attr-defined]


def _fields(cls: type, *, kw_only: bool) -> Fields:
    """Return the fields of a class: those of its bases, then its own."""
    fields: Fields = {}
    for base in cls.__mro__[:0:-1]:
        fields |= base.__dict__.get("__dataclass_fields__", {})
    for name, annotation in cls.__annotations__.items():
        if not _is_class_variable(annotation):
            fields[name] = _field(name, annotation, cls.__dict__.get(name, MISSING), kw_only)
    return fields


def _is_class_variable(annotation: Any) -> bool:
    """Tell whether an annotation, as text or as a type, is a `ClassVar`."""
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _is_no_field(annotation: Any) -> bool:
    """Tell whether an annotation, as text or as a type, is an `InitVar` or `KW_ONLY`."""
    if isinstance(annotation, str):
        return annotation.removeprefix("dataclasses.").startswith(("InitVar", "KW_ONLY"))
    return annotation is InitVar or annotation is KW_ONLY or isinstance(annotation, InitVar)


def _field(name: str, annotation: Any, default: Any, kw_only: bool) -> Field[Any]:
    """Return a field of a class by its annotation and what is assigned to it there."""
    if _is_no_field(annotation):
        raise TypeError(f"{name}: found {annotation}; expected a field, or dataclasses.dataclass")
    made: Any = default if isinstance(default, Field) else dataclasses.field(default=default)
    if made.default.__class__.__hash__ is None:
        raise ValueError(f"{name}: found a default that can change; expected a default_factory")
    made.name, made.type, made._field_type = name, annotation, _FIELD_TYPE
    if made.kw_only is MISSING:
        made.kw_only = kw_only
    return made  # type: ignore[no-any-return]


def _functions(fields: Fields, *, frozen: bool, shown: bool) -> dict[str, Any]:
    """Return what a class gets besides `__init__` and `__hash__`."""
    values = _values(field.name for field in fields.values() if field.compare)

    def __eq__(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    params = {"init": True, "repr": shown, "eq": True, "order": False, "unsafe_hash": False}
    return {
        "__dataclass_fields__": fields,
        "__dataclass_params__": SimpleNamespace(**params, frozen=frozen),
        "__match_args__": tuple(
            field.name for field in fields.values() if field.init and not field.kw_only
        ),
        "__eq__": __eq__,
        **({"__repr__": _repr} if shown else {}),
        **({"__setattr__": _refuse_set, "__delattr__": _refuse_delete} if frozen else {}),
    }


def _hash(fields: Fields) -> Callable[[Any], int]:
    """Return the hash of frozen instances: that of the fields that are compared."""
    values = _values(
        field.name
        for field in fields.values()
        if (field.compare if field.hash is None else field.hash)
    )
    return lambda self: hash(values(self))


def _values(names: Iterable[str]) -> Callable[[Any], Any]:
    """Return what gets the values of some fields of an instance."""
    chosen = tuple(names)
    return attrgetter(*chosen) if chosen else lambda _instance: ()


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{self.__class__.__qualname__}({values})"


def _refuse_set(_self: Any, name: str, _value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: Sequence[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _with(cls: Any, fields: Fields, added: dict[str, Any]) -> Any:
    """Return a class with attributes, and with the defaults of its fields as values."""
    for name, value in added.items():
        setattr(cls, name, value)
    for name in cls.__annotations__.keys() & fields.keys():
        if fields[name].default is not MISSING:
            setattr(cls, name, fields[name].default)
        elif name in cls.__dict__:
            delattr(cls, name)
    return cls


def _with_slots(cls: Any, fields: Fields, added: dict[str, Any]) -> Any:
    """Return a copy of a class that has a slot for each field, and attributes."""
    inherited = {name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())}
    names = tuple(name for name in fields if name not in inherited)
    dropped = {*fields, "__dict__", "__weakref__"}
    kept = {name: value for name, value in cls.__dict__.items() if name not in dropped}
    made = type(cls)(cls.__name__, cls.__bases__, {**kept, **added, "__slots__": names})
    made.__qualname__ = cls.__qualname__
    return made


def _init(cls: Any, fields: Sequence[Field[Any]], *, frozen: bool) -> Callable[..., None]:
    """Return an `__init__` that takes its own place by the real one when it is first called."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = _compiled(cls, fields, frozen=frozen)
        cls.__init__(self, *args, **kwargs)

    return __init__


def _compiled(cls: Any, fields: Sequence[Field[Any]], *, frozen: bool) -> Callable[..., None]:
    """Return the `__init__` of a class."""
    taken = [field for field in fields if field.init]
    named = [_argument(field) for field in taken if field.kw_only]
    arguments = [*(_argument(field) for field in taken if not field.kw_only)]
    arguments += ["*", *named] if named else []
    lines = [line for field in fields if (line := _assignment(field, frozen=frozen))]
    lines += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    text = f"def __init__(self, {', '.join(arguments)}):\n " + "\n ".join(lines or ["pass"])
    names = {
        "_missing": MISSING,
        "_set": object.__setattr__,
        **{f"_default_{field.name}": field.default for field in fields},
        **{f"_make_{field.name}": field.default_factory for field in fields},
    }
    exec(compile(text, "<atlas.dataclass>", "exec"), names)  # noqa: S102 - of the names of fields
    made: Any = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    made.__annotations__ = {field.name: field.type for field in taken} | {"return": "None"}
    return made  # type: ignore[no-any-return]


def _argument(field: Field[Any]) -> str:
    """Return a field as an argument of `__init__`."""
    if field.default_factory is not MISSING:
        return f"{field.name}=_missing"
    return field.name if field.default is MISSING else f"{field.name}=_default_{field.name}"


def _assignment(field: Field[Any], *, frozen: bool) -> str:
    """Return the line of `__init__` that gives a field its value; empty for one without."""
    value = field.name
    if field.default_factory is not MISSING:
        fresh = f"_make_{field.name}()"
        value = f"{fresh} if {field.name} is _missing else {field.name}" if field.init else fresh
    elif not field.init:
        if field.default is MISSING:
            return ""
        value = f"_default_{field.name}"
    return f"_set(self, {field.name!r}, {value})" if frozen else f"self.{field.name} = {value}"
