"""Whether a param takes a JSON value, and what it becomes: one rule for validation and for a run.

Validation knows classes from their source, a run has them: `Classes` is what differs.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

from atlas.errors import NotTakenError, OutOfBoundsError
from atlas.formats import known_types
from atlas.validate.types import LITERAL, NONE, UNION, Type, lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENUMS = {f"{module}{name}" for module in ("enum.", "") for name in ("Enum", "StrEnum", "IntEnum")}
_MOST_LISTED = 8
_MOST_BITS = 1023
"""Of a whole number that a double can be as large as."""


class Classes(Protocol):
    """What is known of classes by their full names."""

    def ancestors(self, name: str) -> tuple[str, ...] | None:
        """Return the full names of a class's bases, or None where its source isn't known."""

    def members(self, name: str) -> tuple[Any, ...] | None:
        """Return the values of an Enum's members; None where only a run can tell."""

    def member(self, name: str, value: Any) -> Any:
        """Return the member of an Enum that has a value.

        Raises:
            ValueError: it has none.
        """

    def holds(self, name: str, value: Any) -> bool | None:
        """Tell whether a value is one of a class; None where only a run can tell."""


class _NoClasses:
    """Knows no class at all."""

    def ancestors(self, _name: str) -> tuple[str, ...] | None:
        return None

    def members(self, _name: str) -> tuple[Any, ...] | None:
        return None

    def member(self, _name: str, value: Any) -> Any:
        return value

    def holds(self, _name: str, _value: Any) -> bool | None:
        return None


NO_CLASSES = _NoClasses()
"""For types that have no class in them."""


def takes(value: Any, declared: Type, classes: Classes = NO_CLASSES) -> bool:
    """Tell whether a type takes a JSON value; as `taken`."""
    try:
        taken(value, declared, classes)
    except NotTakenError:
        return False
    return True


def taken(value: Any, declared: Type, classes: Classes) -> Any:
    """Return what a JSON value becomes where a type is declared.

    Lists become tuples and sets, text becomes paths, dates and moments, a value its Enum's member,
    at any depth. In a union the member counts that takes the value as it is, else the first.

    Args:
        value: as `json` gives it.
        declared: the param's type.
        classes: what is known of the classes in it.

    Raises:
        NotTakenError: the type doesn't take it.
        OutOfBoundsError: only its bounds don't.
    """
    result = _taken(value, declared, classes)
    low, high = declared.bounds
    if _is_number(result) and not _is_within(result, low, high):
        limits = (f"at least {low}",) * (low is not None) + (f"at most {high}",) * (
            high is not None
        )
        raise OutOfBoundsError(" and ".join(limits))
    return result


def _is_within(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def _taken(value: Any, declared: Type, classes: Classes) -> Any:
    if declared.name == UNION:
        return _of_union(value, declared, classes)
    if declared.name == LITERAL:
        return _required(_is_one_of(value, declared.values), value, str(declared))
    reader = _READERS.get(declared.name)
    if reader is not None:
        return reader(value, declared, classes)
    if "str" not in known_types().get(declared.name, ("str",)):
        raise NotTakenError(str(declared))
    return _of_class(value, declared, classes)


def _of_union(value: Any, declared: Type, classes: Classes) -> Any:
    results: list[Any] = []
    error = NotTakenError(expected(declared, classes))
    for member in declared.args:
        try:
            results.append(taken(value, member, classes))
        except OutOfBoundsError as out:
            error = out
        except NotTakenError:
            continue
        else:
            if results[-1] is value:
                return value
    if not results:
        raise error
    return results[0]


def _of_class(value: Any, declared: Type, classes: Classes) -> Any:
    """Take a value for a class: an Enum's member, a TypedDict, or what is one of it already."""
    bases = lineage(declared.name, classes.ancestors)[0]
    if bases & _ENUMS:
        return _of_enum(value, declared, classes)
    if "Protocol" in bases or declared.name in ("Any", "object", "?"):
        return value
    if "TypedDict" in bases:
        return _required(isinstance(value, dict), value, "an object")
    return _required(classes.holds(declared.name, value) is not False, value, str(declared))


def _of_enum(value: Any, declared: Type, classes: Classes) -> Any:
    members = classes.members(declared.name)
    if members is not None and not _is_one_of(value, members):
        raise NotTakenError(expected(declared, classes))
    try:
        return classes.member(declared.name, value)
    except (ValueError, TypeError, KeyError):
        raise NotTakenError(expected(declared, classes)) from None


def _is_one_of(value: Any, known: tuple[Any, ...]) -> bool:
    return any(type(member) is type(value) and member == value for member in known)


def expected(declared: Type, classes: Classes) -> str:
    """Return what a type takes, as a message says it: an Enum's values, where they are known."""
    members = None if declared.args else classes.members(declared.name)
    if not members:
        return str(declared)
    more = ", …" if len(members) > _MOST_LISTED else ""
    return (
        f"{', '.join(map(repr, members[:_MOST_LISTED]))}{more} ({declared.name.rpartition('.')[2]})"
    )


def _required(is_taken: bool, value: Any, what: str) -> Any:
    if not is_taken:
        raise NotTakenError(what)
    return value


def _plain(check: Callable[[Any], bool]) -> Callable[[Any, Type, Classes], Any]:
    return lambda value, declared, _classes: _required(check(value), value, str(declared))


def _made(kind: Callable[[str], Any]) -> Callable[[Any, Type, Classes], Any]:
    """Return what reads text that becomes something else."""

    def read(value: Any, declared: Type, _classes: Classes) -> Any:
        if not isinstance(value, str):
            raise NotTakenError(str(declared))
        try:
            return kind(value)
        except ValueError as error:
            raise NotTakenError(f"{declared} ({error})") from None

    return read


def _several(kind: Callable[[Any], Any]) -> Callable[[Any, Type, Classes], Any]:
    """Return what reads a list, each of its items as the type's only argument."""

    def read(value: Any, declared: Type, classes: Classes) -> Any:
        if not isinstance(value, list):
            raise NotTakenError(str(declared))
        items = (
            [taken(item, declared.args[0], classes) for item in value] if declared.args else value
        )
        if kind is list:
            return _as_it_is(value, items)
        try:
            return kind(items)
        except TypeError:
            raise NotTakenError(f"{declared}, and a list has no hash") from None

    return read


def _tuple(value: Any, declared: Type, classes: Classes) -> Any:
    args = declared.args
    if not isinstance(value, list):
        raise NotTakenError(str(declared))
    if args[1:] == (Type("..."),):
        args = args[:1] * len(value)
    elif args and len(args) != len(value):
        raise NotTakenError(str(declared))
    pairs = zip(value, args, strict=True) if args else ()
    return tuple(taken(item, arg, classes) for item, arg in pairs) if args else tuple(value)


def _mapping(value: Any, declared: Type, classes: Classes) -> Any:
    if not isinstance(value, dict):
        raise NotTakenError(str(declared))
    if len(declared.args) < 2:  # noqa: PLR2004 - of keys and of values
        return value
    keys, values = declared.args
    read = {taken(k, keys, classes): taken(item, values, classes) for k, item in value.items()}
    is_same = all(map(_is, value, read)) and all(map(_is, value.values(), read.values()))
    return value if is_same and len(read) == len(value) else read


def _as_it_is(value: list[Any], items: list[Any]) -> list[Any]:
    """Return the list itself where no item has become something else."""
    return value if all(map(_is, value, items)) else items


def _is(this: Any, other: Any) -> bool:
    return this is other


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if _is_whole(value):
        return bool(value.bit_length() <= _MOST_BITS)
    return isinstance(value, float) and math.isfinite(value)


_LISTS = (
    "list", "Sequence", "MutableSequence", "Iterable", "Collection", "Reversible", "Sized",
    "Container",
)  # fmt: skip
_SETS = ("set", "AbstractSet", "Set", "MutableSet", "collections.abc.Set")
_PATHS = {
    "pathlib.Path": Path, "pathlib.PosixPath": Path, "pathlib.PurePath": PurePath,
    "pathlib.PurePosixPath": PurePath, "os.PathLike": Path,
}  # fmt: skip
_NOTHING = (
    "bytes", "bytearray", "atlas.template.Data", "datetime.time", "datetime.timedelta",
    "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "collections.deque", "Callable",
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "type", "range",
)  # fmt: skip
"""Types that no JSON value is one of, besides those that a format keeps."""
_READERS: Mapping[str, Callable[[Any, Type, Classes], Any]] = {
    NONE.name: _plain(lambda value: value is None),
    "bool": _plain(lambda value: isinstance(value, bool)),
    "int": _plain(_is_whole),
    "float": _plain(_is_number),
    "complex": lambda value, declared, _: complex(
        _required(_is_number(value), value, str(declared))
    ),
    "str": _plain(lambda value: isinstance(value, str)),
    **dict.fromkeys(_LISTS, _several(list)),
    **dict.fromkeys(_SETS, _several(set)),
    "frozenset": _several(frozenset),
    "tuple": _tuple,
    **dict.fromkeys(("dict", "Mapping", "MutableMapping"), _mapping),
    "datetime.date": _made(date.fromisoformat),
    "datetime.datetime": _made(datetime.fromisoformat),
    **{name: _made(kind) for name, kind in _PATHS.items()},
    **dict.fromkeys(_NOTHING, _plain(lambda _value: False)),
}
