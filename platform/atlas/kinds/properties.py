"""Properties of resources: declared once, as the annotated fields of frozen dataclasses.

    @properties
    class PortsInputs:
        '''Free loopback ports under names, chosen at create and kept ever after.'''

        names: Annotated[tuple[str, ...], "A name for each port, none twice."]
        lowest: Annotated[int | None, "The lowest that may be chosen; 15000 by default."] = None

Everything else follows from these fields: the check and the parsed form of what a program gives
(`parsing`), Pulumi's package schema (`schema`), the typed classes of `atlas_provider.resources` and
the page docs/resources.md (`generate`). Python's ``health_timeout`` is Pulumi's ``healthTimeout``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from atlas.dataclass import dataclass

_T = TypeVar("_T")
Plain = dict[str, Any]
"""Property values as JSON has them, by Pulumi's names."""

_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}
_LIST, _MAPPING = "[]", "{}"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def properties(cls: type[_T]) -> type[_T]:
    """Make a class a frozen dataclass of properties."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass(frozen=True, slots=True)
class _Replaces:
    """Marks an input of which another value makes a new resource instead of an update."""


REPLACES: Final = _Replaces()


@dataclass(frozen=True, slots=True)
class ClassParameter:
    """Names the parameter of the typed class that gives an input; by default the resource's name.

    Attributes:
        name: the parameter's name.
    """

    name: str


@dataclass(frozen=True, slots=True)
class WireName:
    """Gives the name that Pulumi's state has a property by, where that isn't the field's.

    Attributes:
        name: the name in the state.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property, as a field of a dataclass declares it.

    Attributes:
        name: Pulumi's name of it, in camelCase.
        attribute: the name of the field.
        type: ``string``, ``integer``, ``number``, ``boolean`` or ``any``; ``[]`` behind it makes a
            list of them, ``{}`` a mapping from names to them.
        description: what it is; it becomes the schema's.
        required: whether a program has to give it (of an input); an output is always there.
        replaces: whether a change of it makes a new resource instead of an update.
        parameter: the typed class's parameter that gives it, if it may be left out and is the
            resource's name then; else empty.
    """

    name: str
    attribute: str
    type: str
    description: str
    required: bool
    replaces: bool = False
    parameter: str = ""


_read: dict[type[Any], Mapping[str, Property]] = {}


def properties_of(cls: type[Any]) -> Mapping[str, Property]:
    """Return the properties that a class declares, by Pulumi's names."""
    if cls not in _read:
        hints = get_type_hints(cls, include_extras=True)
        declared = [_property(field, hints[field.name]) for field in dataclasses.fields(cls)]
        _read[cls] = {spec.name: spec for spec in declared}
    return _read[cls]


def description_of(cls: type) -> str:
    """Return the description of a resource: the docstring of the class of its inputs."""
    return inspect.getdoc(cls) or ""


def _property(field: dataclasses.Field[Any], hint: Any) -> Property:
    """Return the property of a field."""
    base, description, *marks = get_args(hint)
    usual = WireName(wire_name(field.name))
    return Property(
        name=next((mark for mark in marks if isinstance(mark, WireName)), usual).name,
        attribute=field.name,
        type=_type_name(base),
        description=description,
        required=field.default is dataclasses.MISSING,
        replaces=REPLACES in marks,
        parameter=next((mark.name for mark in marks if isinstance(mark, ClassParameter)), ""),
    )


def _type_name(hint: Any) -> str:
    """Return the name of a field's type.

    Raises:
        TypeError: no property may be of that type.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (hint,) = (argument for argument in arguments if argument is not NoneType)
        return _type_name(hint)
    if origin is tuple:
        return _type_name(arguments[0]) + _LIST
    if origin is Mapping:
        return _type_name(arguments[1]) + _MAPPING
    if hint not in _SCALARS:
        raise TypeError(f"{hint}: no type of a property; expected one of {[*_SCALARS]}")
    return _SCALARS[hint]


def item_type(name: str) -> str:
    """Return the type of the items of a list or mapping; empty for another type."""
    return name[:-2] if name.endswith((_LIST, _MAPPING)) else ""


def is_list(name: str) -> bool:
    """Tell whether a type is a list."""
    return name.endswith(_LIST)


def wire_name(attribute: str) -> str:
    """Return Pulumi's name of an attribute: ``healthTimeout`` for ``health_timeout``."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), attribute)


def to_plain(values: Any) -> Plain:
    """Return an instance's properties by Pulumi's names, without those that weren't given."""
    by_name = {
        name: getattr(values, spec.attribute) for name, spec in properties_of(type(values)).items()
    }
    return {name: plain_value(value) for name, value in by_name.items() if value is not None}


def plain_value(value: Any) -> Any:
    """Return one value as JSON has it."""
    if isinstance(value, Mapping):
        return {key: plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, tuple | list) else value
