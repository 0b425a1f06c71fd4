"""Values that documents and Plans share: durations, sizes, canonical JSON and its digest."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

DURATION = r"^([0-9]{1,9}(ms|s)|[0-9]{1,7}m|[0-9]{1,6}h|[0-9]{1,5}d)$"
"""Pattern of a duration: a whole number and its unit; less than 300 years."""
SIZE = r"^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti|k|M|G|T)?$"
"""Pattern of an amount of memory, in the notation of Kubernetes."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTES |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def seconds(duration: str) -> float:
    """Return a duration such as ``30m`` in seconds.

    Raises:
        ValueError: it doesn't match `DURATION`.
    """
    if not re.fullmatch(DURATION, duration):
        raise ValueError(f"'{duration}' is no duration; expected a number and ms, s, m, h or d")
    number, unit = re.split(r"(?<=\d)(?=\D)", duration, maxsplit=1)
    return int(number) * _SECONDS[unit]


def size_in_bytes(amount: str) -> int:
    """Return an amount of memory such as ``2Gi`` in bytes.

    Raises:
        ValueError: it doesn't match `SIZE`.
    """
    if not re.fullmatch(SIZE, amount):
        raise ValueError(
            f"'{amount}' is no size; expected a number and Ki, Mi, Gi, Ti, k, M, G or T"
        )
    digits = amount.rstrip("KMGTik")
    return int(digits) * _BYTES[amount[len(digits) :]]


def canonical(value: Any) -> str:
    """Return JSON that is the same for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
