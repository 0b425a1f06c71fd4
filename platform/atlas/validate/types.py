"""Types as a source file spells them, and whether one fits where another is expected.

Nothing is imported: a type is its full name and its arguments. Where that is not enough to decide
(two classes of somebody else's), the answer is None, which is a note and no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Type:
    """A type: its full name (``pandas.DataFrame``), its arguments, and the values of a Literal."""

    name: str
    args: tuple[Type, ...] = ()
    values: tuple[Any, ...] = ()

    def __str__(self) -> str:
        """Return the type as an annotation would spell it."""
        if self.name == UNION:
            return " | ".join("None" if arg == NONE else str(arg) for arg in self.args)
        if self.name == LITERAL:
            return f"Literal[{', '.join(map(repr, self.values))}]"
        inner = ", ".join(map(str, self.args))
        return f"{self.name}[{inner}]" if inner else self.name


UNION = "Union"
LITERAL = "Literal"
ANY = Type("Any")
NONE = Type("None")
UNKNOWN = Type("?")
"""A type that couldn't be read."""

_WIDER = {
    "bool": ("int", "float", "complex"),
    "int": ("float", "complex"),
    "float": ("complex",),
    "list": ("Sequence", "Collection", "Iterable"),
    "tuple": ("Sequence", "Collection", "Iterable"),
    "dict": ("Mapping", "Collection", "Iterable"),
    "set": ("Collection", "Iterable"),
    "str": ("Sequence", "Collection", "Iterable"),
    "Sequence": ("Collection", "Iterable"),
    "MutableMapping": ("Mapping",),
    "MutableSequence": ("Sequence", "Collection", "Iterable"),
}
_BUILTIN = {
    "bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset",
    "None", "Sequence", "Mapping", "Iterable", "Collection", "MutableMapping", "MutableSequence",
}  # fmt: skip
_FINAL = _BUILTIN | {
    "pandas.DataFrame", "pandas.Series", "numpy.ndarray", "pyarrow.Table", "pathlib.Path",
    "datetime.datetime", "datetime.date", "polars.DataFrame",
}  # fmt: skip
"""Types that are known well enough to say that two of them are different things."""

JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
"""What a Recipe calls the types that its parameters can have."""


def union(*members: Type) -> Type:
    """Return a union, flat and without repeats; one member alone is itself."""
    flat: dict[Type, None] = {}
    for member in members:
        flat.update(dict.fromkeys(member.args if member.name == UNION else (member,)))
    return next(iter(flat)) if len(flat) == 1 else Type(UNION, tuple(flat))


def fits(
    given: Type, wanted: Type, ancestors: Callable[[str], tuple[str, ...] | None]
) -> bool | None:
    """Tell whether a value of one type may stand where another is wanted.

    Args:
        given: the type of the value.
        wanted: the type that is expected.
        ancestors: gives the full names of a class's bases where its source is known, else None.

    Returns:
        True, False, or None when only an import could tell.
    """
    if given == wanted or _is_open(given) or _is_open(wanted):
        return None if UNKNOWN in (given, wanted) else True
    if given.name == UNION:
        return _all(fits(member, wanted, ancestors) for member in given.args)
    if wanted.name == UNION:
        return _any(fits(given, member, ancestors) for member in wanted.args)
    if LITERAL in (given.name, wanted.name):
        return _literal_fits(given, wanted, ancestors)
    return _name_fits(given, wanted, ancestors)


def _is_open(one: Type) -> bool:
    return one.name in ("Any", "object", "?")


def _literal_fits(given: Type, wanted: Type, ancestors: Any) -> bool | None:
    if given.name == wanted.name:
        return set(given.values) <= set(wanted.values)
    if given.name == LITERAL:
        kinds = [Type(type(value).__name__) for value in given.values]
        return _all(fits(kind, wanted, ancestors) for kind in kinds)
    return None if any(type(value).__name__ == given.name for value in wanted.values) else False


def _name_fits(given: Type, wanted: Type, ancestors: Any) -> bool | None:
    if wanted.name == given.name or wanted.name in _WIDER.get(given.name, ()):
        return _args_fit(given, wanted, ancestors)
    if {given.name, wanted.name} <= _FINAL:
        return False
    bases = ancestors(given.name)
    if bases is not None:
        return _class_fits(bases, wanted, ancestors)
    return False if wanted.name in _BUILTIN and given.name in _FINAL else None


def _class_fits(bases: tuple[str, ...], wanted: Type, ancestors: Any) -> bool | None:
    if not bases:
        return False
    return _any(fits(Type(base), Type(wanted.name), ancestors) for base in bases)


def _args_fit(given: Type, wanted: Type, ancestors: Any) -> bool | None:
    if not given.args or not wanted.args or len(given.args) != len(wanted.args):
        return True
    pairs = zip(given.args, wanted.args, strict=True)
    return _all(fits(one, other, ancestors) for one, other in pairs)


def _all(answers: Any) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True


def _any(answers: Any) -> bool | None:
    found = list(answers)
    return True if True in found else None if None in found else False


def value_fits(value: Any, wanted: Type) -> bool:
    """Tell whether a JSON value may be given to a param of a type; unknown types take anything."""
    if wanted.name == UNION:
        return any(value_fits(value, member) for member in wanted.args)
    if wanted.name == LITERAL:
        return any(type(one) is type(value) and one == value for one in wanted.values)
    check = _VALUE_CHECKS.get(wanted.name)
    return True if check is None else check(value, wanted.args)


def _is_list(value: Any, args: tuple[Type, ...]) -> bool:
    return isinstance(value, list) and (
        not args or all(value_fits(item, args[0]) for item in value)
    )


def _is_tuple(value: Any, args: tuple[Type, ...]) -> bool:
    if not isinstance(value, list):
        return False
    if len(args) == 2 and args[1].name == "...":  # noqa: PLR2004 - tuple[X, ...]
        return _is_list(value, args[:1])
    fits_each = all(value_fits(item, arg) for item, arg in zip(value, args, strict=False))
    return not args or (len(value) == len(args) and fits_each)


def _is_dict(value: Any, args: tuple[Type, ...]) -> bool:
    return isinstance(value, dict) and (
        len(args) < 2 or all(value_fits(item, args[1]) for item in value.values())  # noqa: PLR2004
    )


def _is_number(value: Any, _args: tuple[Type, ...]) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_VALUE_CHECKS: dict[str, Any] = {
    "None": lambda value, _: value is None,
    "bool": lambda value, _: isinstance(value, bool),
    "int": lambda value, _: isinstance(value, int) and not isinstance(value, bool),
    "float": _is_number,
    "complex": _is_number,
    "str": lambda value, _: isinstance(value, str),
    "bytes": lambda _value, _args: False,
    "list": _is_list,
    "set": _is_list,
    "frozenset": _is_list,
    "Sequence": _is_list,
    "Iterable": _is_list,
    "Collection": _is_list,
    "tuple": _is_tuple,
    "dict": _is_dict,
    "Mapping": _is_dict,
}
