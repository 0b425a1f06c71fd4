"""Values that documents and Plans share: durations, sizes, canonical JSON and its digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

DURATION = r"^([0-9]{1,9}(ms|s)|[0-9]{1,7}m|[0-9]{1,6}h|[0-9]{1,5}d)$"
"""Pattern of a duration: a whole number and its unit; less than 300 years."""
SIZE = r"^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti|k|M|G|T)?$"
"""Pattern of an amount of memory, in the notation of Kubernetes."""

_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTES |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def seconds(duration: str) -> float:
    """Return a duration such as ``30m`` in seconds.

    Raises:
        ValueError: it doesn't match `DURATION`.
    """
    if not re.fullmatch(DURATION, duration):
        raise ValueError(f"'{duration}' isn't a duration; expected a number and ms, s, m, h or d")
    number, unit = re.split(r"(?<=\d)(?=\D)", duration, maxsplit=1)
    return int(number) * _SECONDS[unit]


def size_in_bytes(amount: str) -> int:
    """Return an amount of memory such as ``2Gi`` in bytes.

    Raises:
        ValueError: it doesn't match `SIZE`.
    """
    if not re.fullmatch(SIZE, amount):
        raise ValueError(
            f"'{amount}' isn't a size; expected a number and Ki, Mi, Gi, Ti, k, M, G or T"
        )
    digits = amount.rstrip("KMGTik")
    return int(digits) * _BYTES[amount[len(digits) :]]


def canonical(value: Any) -> str:
    """Return JSON that is the same for equal values: sorted keys, no spaces, no NaN."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def frozen(value: Any) -> Any:
    """Return plain data that can't be changed: equal to the value, and still a list or a dict."""
    kind = type(value)
    if kind in _FROZEN:
        return value
    if kind is dict and not value:
        return _NOTHING
    if kind is dict or isinstance(value, Mapping):
        return FrozenDict({key: frozen(member) for key, member in value.items()})
    if isinstance(value, list):
        return FrozenList(map(frozen, value))
    return tuple(map(frozen, value)) if kind is tuple else value


def thawed(value: Any) -> Any:
    """Return a copy of plain data that may be changed, whatever of it is frozen."""
    if isinstance(value, dict):
        return {key: thawed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [thawed(member) for member in value]
    return tuple(map(thawed, value)) if type(value) is tuple else value


def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("a Plan can't be changed; take a copy, atlas.values.thawed(value)")


class FrozenDict(dict[Any, Any]):
    """A dict of a Plan: what would change it raises a TypeError; a deep copy may be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo: Any) -> dict[Any, Any]:
        """Return a plain dict."""
        copy: dict[Any, Any] = thawed(self)
        return copy

    def __reduce__(self) -> Any:
        """Pickle as what builds it in one go: a dict is filled item by item otherwise."""
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A list of a Plan: what would change it raises a TypeError; a deep copy may be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __deepcopy__(self, memo: Any) -> list[Any]:
        """Return a plain list."""
        copy: list[Any] = thawed(self)
        return copy

    def __reduce__(self) -> Any:
        """Pickle as what builds it in one go: a list is filled item by item otherwise."""
        return FrozenList, (list(self),)


_NOTHING = FrozenDict()
_FROZEN = frozenset((str, int, float, bool, type(None), FrozenDict, FrozenList))
"""Types of what can't be changed as it is."""
