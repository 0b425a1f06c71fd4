"""Profiles as bytes: the same bytes for the same counts, checked when they are read.

A line that says what it is, a line of canonical JSON, then the cut points of all features as 8-byte
floats and the counts as 8-byte integers, the lowest byte first. A batch has no cut points and
categories: it has the digest of the reference that has them.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from atlas.errors import ProfileError
from atlas.profiles.columns import COUNTED, KINDS
from atlas.profiles.profile import CELLS, CUTS, UNSEEN, Feature, Profile
from atlas.values import canonical

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

MAGIC = b"atlas profile 1\n"
MOST = 256 * 2**20
"""Bytes of the largest profile that is read: about 15,000 columns."""
_PLAIN = ("name", "rows", "missing", "foreign", "distinct", "error")


def digest(reference: Profile) -> str:
    """Return the sha256 of a reference's bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(to_bytes(reference)).hexdigest()


def to_bytes(profile: Profile, beside: str | None = None) -> bytes:
    """Return a profile as bytes.

    Args:
        profile: the profile.
        beside: of a batch, the digest of its reference.
    """
    import numpy

    features = profile.features.values()
    entries = [_header(feature, whole=beside is None) for feature in features]
    header = canonical({"beside": beside, "features": entries}).encode("utf-8", "surrogatepass")
    cuts = [feature.cuts for feature in features if beside is None]
    counts = [feature.counts for feature in features]
    arrays = (numpy.concatenate(part or [numpy.empty(0)]) for part in (cuts, counts))
    parts = (array.astype(kind) for array, kind in zip(arrays, ("<f8", "<i8"), strict=True))
    return b"".join((MAGIC, header, b"\n", *(part.tobytes() for part in parts)))


def _header(feature: Feature, *, whole: bool) -> dict[str, Any]:
    plain = {key: getattr(feature, key) for key in _PLAIN}
    plain |= {"low": _or_none(feature.low), "high": _or_none(feature.high)}
    if feature.unseen:
        plain["unseen"] = dict(feature.unseen)
    if whole:
        plain |= {"kind": feature.kind, "cuts": len(feature.cuts), "cells": list(feature.cells)}
    return plain


def _or_none(number: float) -> float | str | None:
    """Return a number as JSON has it; JSON has no infinity."""
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)


def from_bytes(raw: bytes, beside: Profile | None = None, digest: str | None = None) -> Profile:
    """Return the profile that bytes hold.

    Args:
        raw: the bytes.
        beside: of a batch, its reference.
        digest: the reference's digest.

    Raises:
        ProfileError: they hold none, or one beside another reference; it says what is wrong.
    """
    if len(raw) > MOST or not raw.startswith(MAGIC):
        found = f"{len(raw)} bytes that don't begin as a profile does"
        raise ProfileError(f"found {found}, expected one of at most {MOST}")
    header, _, arrays = raw[len(MAGIC) :].partition(b"\n")
    try:
        document = json.loads(header)
        if document["beside"] != digest:
            raise ProfileError("the batch was counted beside another reference")
        return _read(document["features"], arrays, beside)
    except (
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        RecursionError,
        AttributeError,
    ) as error:
        raise ProfileError(f"a profile is damaged: {type(error).__name__}: {error}") from error


def _read(entries: list[dict[str, Any]], arrays: bytes, beside: Profile | None) -> Profile:
    import numpy

    places = [_places(entry, beside) for entry in entries]
    cut = [0 if beside else entry["cuts"] for entry in entries]
    wide = [
        1 + (len(cells) or count) for (_, count, cells), entry in zip(places, entries, strict=True)
    ]
    if len(arrays) != 8 * (sum(cut) + sum(wide)) or max(wide, default=0) > CUTS + 1:
        raise ValueError(
            f"found {len(arrays)} bytes of counts, expected {8 * (sum(cut) + sum(wide))}"
        )
    cuts = numpy.frombuffer(arrays, "<f8", sum(cut))
    counts = numpy.frombuffer(arrays, "<i8", sum(wide), 8 * sum(cut))
    _check_counts(entries, counts, numpy.cumsum([0, *wide[:-1]]))
    features = {}
    for entry, place, cut_count, width in zip(entries, places, cut, wide, strict=True):
        own, cuts = (
            (beside.features[entry["name"]].cuts, cuts)
            if beside
            else (cuts[:cut_count], cuts[cut_count:])
        )
        features[entry["name"]] = _feature(entry, place, own, counts[:width])
        counts = counts[width:]
    if len(features) != len(entries):
        raise ValueError("a column is there twice")
    return Profile(features)


def _places(entry: dict[str, Any], beside: Profile | None) -> tuple[str, int, tuple[str, ...]]:
    """Return a column's kind, how many cut points it has, and its categories."""
    if beside is not None:
        feature = beside.features[entry["name"]]
        return feature.kind, len(feature.cuts), feature.cells
    kind, cuts, cells = entry["kind"], entry["cuts"], tuple(entry["cells"])
    if kind not in KINDS or not _is_count(cuts) or (cuts if kind in COUNTED else cells):
        raise ValueError(f"column {entry['name']!r} is a {kind!r} with {cuts!r} cut points")
    if not _are_names(cells, CELLS):
        raise ValueError(f"column {entry['name']!r}: its categories aren't different strings")
    return kind, cuts, cells


def _check_counts(entries: list[dict[str, Any]], counts: Array, starts: Array) -> None:
    import numpy

    if not entries:
        return
    numbers = [(e["rows"], e["missing"], e["foreign"], e["distinct"]) for e in entries]
    if not all(_is_count(number) for row in numbers for number in row) or (counts < 0).any():
        raise ValueError("a count isn't a whole number of 0 or more")
    present = [rows - missing - foreign for rows, missing, foreign, _ in numbers]
    if numpy.add.reduceat(counts, starts).tolist() != present:
        raise ValueError("the counts of a column don't add up to its rows")


def _feature(
    entry: dict[str, Any], place: tuple[str, int, tuple[str, ...]], cuts: Array, counts: Array
) -> Feature:
    unseen = entry.get("unseen", {})
    if not _are_names(unseen, UNSEEN) or not all(_is_count(count) for count in unseen.values()):
        raise ValueError(f"column {entry['name']!r}: its unseen categories aren't counted")
    if not 0.0 <= entry["error"] < math.inf:
        raise ValueError(f"column {entry['name']!r}: its error isn't a share")
    if len(cuts) > 1 and not (cuts[1:] > cuts[:-1]).all():
        raise ValueError(f"column {entry['name']!r}: its cut points don't ascend")
    plain: dict[str, Any] = {key: entry[key] for key in _PLAIN}
    plain |= {key: math.nan if entry[key] is None else float(entry[key]) for key in ("low", "high")}
    return Feature(**plain, kind=place[0], cells=place[2], cuts=cuts, counts=counts, unseen=unseen)


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**62


def _are_names(names: Any, most: int) -> bool:
    return (
        len(names) <= most
        and len({*names}) == len(names)
        and all(isinstance(n, str) for n in names)
    )
