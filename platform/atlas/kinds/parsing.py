"""Plain data parsed, once, into the dataclasses that declare a resource's properties."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from atlas.dataclass import dataclass
from atlas.errors import DeployError
from atlas.kinds.properties import is_list, item_type, properties_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.properties import Property

_T = TypeVar("_T")
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "any": object,
}
_EMPTY = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "any": None}


class Unknown:
    """A value that will be known only when what it comes from has been made."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a word that reads well in an error or a diff."""
        return "<unknown>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that can't be right: which, and why.

    Attributes:
        property: the input's name.
        reason: what was found, what was expected and what to do.
    """

    property: str
    reason: str


def check(cls: type, plain: Mapping[str, Any]) -> list[Failure]:
    """Return every value that the class has no property for, that is missing, or of another type.

    Args:
        cls: declares the properties.
        plain: values by Pulumi's names; a value that isn't known yet is `UNKNOWN`.
    """
    declared = properties_of(cls)
    return [
        *_unknown_names(declared, plain),
        *(
            Failure(name, "missing; it is required: give it a value")
            for name, spec in declared.items()
            if spec.required and plain.get(name) is None
        ),
        *(
            Failure(name, f"found {_describe(plain[name])}; expected {describe_type(spec.type)}")
            for name, spec in declared.items()
            if plain.get(name) is not None and not _has_type(plain[name], spec.type)
        ),
    ]


def parse(cls: type[_T], plain: Mapping[str, Any]) -> _T:
    """Return what a program gives, parsed.

    Raises:
        DeployError: some values are wrong; all of them are named.
    """
    failures = check(cls, plain)
    if failures:
        raise DeployError(
            "; ".join(f"{failure.property}: {failure.reason}" for failure in failures)
        )
    return _parsed(cls, {name: plain.get(name) for name in properties_of(cls)})


def parse_state(cls: type[_T], plain: Mapping[str, Any]) -> _T:
    """Return what a state says, parsed; one of an earlier version may lack some properties.

    Raises:
        DeployError: a value is of another type.
    """
    values = {name: _of_state(spec, plain) for name, spec in properties_of(cls).items()}
    return _parsed(cls, values)


def has_unknown(value: Any) -> bool:
    """Tell whether a value is, or holds, an unknown."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


def describe_type(name: str) -> str:
    """Return a property's type in words: ``string[]`` is a list of strings."""
    item = item_type(name)
    if item:
        whole = "a list of" if is_list(name) else "a mapping from names to"
        return f"{whole} {item} values"
    return f"{'an' if name[0] in 'aio' else 'a'} {name}"


def _parsed(cls: type[_T], values: Mapping[str, Any]) -> _T:
    """Return an instance with values by Pulumi's names."""
    declared = properties_of(cls)
    return cls(**{declared[name].attribute: _frozen(value) for name, value in values.items()})


def _frozen(value: Any) -> Any:
    """Return a value with tuples in place of lists."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _of_state(spec: Property, plain: Mapping[str, Any]) -> Any:
    """Return a property's value in a state, or what stands for a missing one."""
    value = plain.get(spec.name)
    if value is None:
        return _empty(spec.type) if spec.required else None
    if not _has_type(value, spec.type):
        found, expected = _describe(value), describe_type(spec.type)
        raise DeployError(f"state: {spec.name}: found {found}; expected {expected}")
    return value


def _empty(name: str) -> Any:
    """Return the empty value of a type."""
    if item_type(name):
        return () if is_list(name) else {}
    return _EMPTY[name]


def _unknown_names(declared: Mapping[str, Property], plain: Mapping[str, Any]) -> list[Failure]:
    """Return the names that no property has, each with the nearest one that there is."""
    failures = []
    for name in plain:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            failures.append(Failure(name, f"unknown input{hint}; remove it"))
    return failures


def _has_type(value: Any, name: str) -> bool:
    """Tell whether a value has a property's type; an unknown has every type."""
    item = item_type(name)
    if value is UNKNOWN:
        return True
    if item and is_list(name):
        return isinstance(value, list | tuple) and all(
            _has_type(element, item) for element in value
        )
    if item:
        return isinstance(value, dict) and all(
            _has_type(element, item) for element in value.values()
        )
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, _PYTHON_TYPES[name])


def _describe(value: Any) -> str:
    """Return a value's type in words, never the value, which may be a secret."""
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    names |= {list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)
