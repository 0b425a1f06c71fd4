"""Types as a source file spells them, and whether one fits where another is expected.

Nothing is imported: a type is its full name and its arguments. Where that is not enough to decide
(two classes of other packages), the answer is None, which is a warning, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, TypeAlias

from atlas.dataclass import dataclass
from atlas.formats import known_types

Ancestors: TypeAlias = Callable[[str], tuple[str, ...] | None]
"""Gives the full names of a class's bases where its source is known, else None."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type: its full name (``pandas.DataFrame``), its arguments, and the values of a Literal.

    Attributes:
        bounds: least and greatest value of a number, as ``Annotated`` says; no part of what the
            type is.
    """

    name: str
    args: tuple[Type, ...] = ()
    values: tuple[Any, ...] = ()
    bounds: tuple[float | None, float | None] = field(default=(None, None), compare=False)

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
DATA = Type("atlas.template.Data")
"""What a step gets for ``data.NAME``."""
BATCH = "atlas.template.Batch"
"""What a step gets a list of for ``history:NAME/step.output``."""

_ITERABLES = ("Iterable", "Collection", "Sized", "Container")
_WIDER = {
    "bool": ("int", "float", "complex"),
    "int": ("float", "complex"),
    "float": ("complex",),
    "list": ("MutableSequence", "Sequence", "Reversible", *_ITERABLES),
    "tuple": ("Sequence", "Reversible", *_ITERABLES),
    "dict": ("Mapping", "MutableMapping", "Reversible", *_ITERABLES),
    "set": ("AbstractSet", "Set", "MutableSet", *_ITERABLES),
    "frozenset": ("AbstractSet", "Set", *_ITERABLES),
    "str": ("Sequence", "Reversible", *_ITERABLES),
    "bytes": ("Sequence", "Reversible", *_ITERABLES),
    "Sequence": ("Reversible", *_ITERABLES),
    "MutableSequence": ("Sequence", "Reversible", *_ITERABLES),
    "Mapping": _ITERABLES,
    "MutableMapping": ("Mapping", *_ITERABLES),
    "Collection": ("Iterable", "Sized", "Container"),
    "collections.OrderedDict": ("dict", "Mapping", "MutableMapping", *_ITERABLES),
    "collections.defaultdict": ("dict", "Mapping", "MutableMapping", *_ITERABLES),
    "collections.Counter": ("dict", "Mapping", "MutableMapping", *_ITERABLES),
    "TypedDict": ("dict", "Mapping", *_ITERABLES),
    "NamedTuple": ("tuple", "Sequence", *_ITERABLES),
    "datetime.datetime": ("datetime.date",),
    "pathlib.Path": ("pathlib.PurePath", "os.PathLike"),
}
_CLOSED = {
    "bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset",
    "None", "Sequence", "Mapping", "Iterable", "Collection", "MutableMapping", "MutableSequence",
    "pathlib.Path", "datetime.datetime", "datetime.date", DATA.name, BATCH,
}  # fmt: skip
"""Types that are known well enough to say that two of them are different things, besides those that
a format keeps."""
_ABSTRACT = {
    "Sequence", "Mapping", "MutableMapping", "MutableSequence", "Reversible", "Callable",
    "Hashable", *_ITERABLES,
}  # fmt: skip
"""What a class can be without saying so."""
_KEYED = ("dict", "Mapping", "MutableMapping")
_SHORT_NAMES = ("typing.", "collections.abc.", "typing_extensions.")

JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
"""What a Recipe calls the types that its parameters can have."""


def union(*members: Type) -> Type:
    """Return a union, flat and without repeats; one member alone is itself."""
    flat: dict[Type, None] = {}
    for member in members:
        flat.update(dict.fromkeys(member.args if member.name == UNION else (member,)))
    return next(iter(flat)) if len(flat) == 1 else Type(UNION, tuple(flat))


def fits(given: Type, expected: Type, ancestors: Ancestors) -> bool | None:
    """Tell whether a value of one type may stand where another is expected.

    Args:
        given: the type of the value.
        expected: the type of the place.
        ancestors: gives the full names of a class's bases where its source is known, else None.

    Returns:
        True, False, or None when only an import could tell.
    """
    if _is_open(given) or _is_open(expected) or (given == expected and given.name != LITERAL):
        return None if UNKNOWN in (given, expected) else True
    if given.name == UNION:
        return _all(fits(member, expected, ancestors) for member in given.args)
    if expected.name == UNION:
        return _any(fits(given, member, ancestors) for member in expected.args)
    if LITERAL in (given.name, expected.name):
        return _literal_fits(given, expected, ancestors)
    return _name_fits(given, expected, ancestors)


def _is_open(kind: Type) -> bool:
    return kind.name in ("Any", "object", "?")


def _literal_fits(given: Type, expected: Type, ancestors: Ancestors) -> bool | None:
    if given.name == expected.name:
        return set(_typed(given.values)) <= set(_typed(expected.values))
    if given.name == LITERAL:
        kinds = {type(value).__name__ for value in given.values}
        return _all(fits(Type(kind), expected, ancestors) for kind in sorted(kinds))
    return None if any(type(value).__name__ == given.name for value in expected.values) else False


def _typed(values: Iterable[Any]) -> list[tuple[str, Any]]:
    return [(type(value).__name__, value) for value in values]


def _name_fits(given: Type, expected: Type, ancestors: Ancestors) -> bool | None:
    if expected.name == given.name or expected.name in _wider(given.name):
        return _args_fit(given, expected, ancestors)
    bases, closed = lineage(given.name, ancestors)
    if expected.name in bases or any(expected.name in _wider(base) for base in bases):
        return True
    if not closed or (expected.name in _ABSTRACT and not _is_closed(given.name)):
        return None
    return False if _is_class(expected.name, ancestors) else None


def _wider(name: str) -> tuple[str, ...]:
    """Return the types that a value of a type is, too."""
    if name in _WIDER or name not in known_types():
        return _WIDER.get(name, ())
    own = known_types()[name]
    return (*own, *(wider for base in own for wider in _WIDER.get(base, ())))


def _is_closed(name: str) -> bool:
    return name in _CLOSED or name in known_types()


def lineage(name: str, ancestors: Ancestors) -> tuple[set[str], bool]:
    """Return the bases of a class, theirs too, and whether all of them are known."""
    names: set[str] = set()
    closed, pending = True, [name]
    while pending:
        cls = pending.pop()
        is_known = _is_closed(cls) or short_name(cls) in _KNOWN_BASES
        bases = ancestors(cls)
        bases = () if bases is None and is_known else bases
        closed = closed and bases is not None
        fresh = {short_name(base) for base in bases or ()} - names
        names |= fresh
        pending += fresh
    return names, closed


_KNOWN_BASES = {"object", "NamedTuple", "TypedDict", "Generic", "Protocol", "abc.ABC"}


def short_name(name: str) -> str:
    """Return a full name without the module of typing's names."""
    prefix = next((prefix for prefix in _SHORT_NAMES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _is_class(name: str, ancestors: Ancestors) -> bool:
    """Tell whether a name is known to be a class that only its subclasses fit: no Protocol."""
    bases = ancestors(name)
    if _is_closed(name):
        return True
    return bases is not None and "Protocol" not in map(short_name, bases)


def _args_fit(given: Type, expected: Type, ancestors: Ancestors) -> bool | None:
    ours, theirs = _items(given, expected), _items(expected, expected)
    if not ours or not theirs:
        return True
    if len(ours) != len(theirs):
        return not given.name == expected.name == "tuple"
    return _all(fits(our, their, ancestors) for our, their in zip(ours, theirs, strict=True))


def _items(kind: Type, expected: Type) -> tuple[Type, ...]:
    """Return a generic's arguments, a tuple's or mapping's as those of what it stands for."""
    if kind.name == "tuple" and kind.args[1:] == (Type("..."),):
        return (
            kind.args[:1] if expected.name != "tuple" or expected.args[1:] == kind.args[1:] else ()
        )
    if kind.name == "tuple" and (expected.name != "tuple" or expected.args[1:] == (Type("..."),)):
        return (union(*kind.args),) if kind.args else ()
    if kind.name in _KEYED and expected.name not in _KEYED:
        return kind.args[:1]
    return kind.args


def _all(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return False if False in known else None if None in known else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return True if True in known else None if None in known else False


_ENUMS = {"enum.Enum", "enum.StrEnum", "enum.IntEnum", "Enum", "StrEnum", "IntEnum"}
_MADE_OF_TEXT = ("datetime.date", "datetime.datetime", "pathlib.Path")


def becomes(given: Type, expected: Type, ancestors: Ancestors) -> bool:
    """Tell whether a param of a type may take another: text a date, a path; anything an Enum."""
    if expected.name == UNION:
        return any(becomes(given, member, ancestors) for member in expected.args)
    if given.name == "str" and expected.name in _MADE_OF_TEXT:
        return True
    return bool(lineage(expected.name, ancestors)[0] & _ENUMS)
