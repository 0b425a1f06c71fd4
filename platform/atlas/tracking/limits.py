"""What MLflow can hold of a run: names, values and sizes, and what is done with the rest.

Names are mapped so that they can be mapped back: a character that MLflow doesn't take becomes
``_x`` with its code and ``_`` (``precision@10`` is ``precision_x40_10``). A name that is too long
is cut, and ends with its digest. Whatever isn't in MLflow as it was is whole in the run's artifact
``exact.json``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.tracking.record import RunRecord

NAME, PARAM, TAG, MODEL_TAG = 250, 6000, 8000, 100_000
"""Characters that MLflow 3 takes of a name, a param, a run's tag and a model version's tag."""
EXACT = "exact.json"
"""Artifact of a run with what MLflow doesn't hold as it was."""
_ITEMS, _BYTES = 100, 900_000
"""Items and bytes of one request; MLflow takes a hundred params and 1,000,000 bytes."""
_TAKEN = r"/\w.\- :"
_ODD = re.compile(rf"[^{_TAKEN}]|_(?=x[0-9a-f]{{1,6}}(?:_|[^{_TAKEN}]))")
_MAPPED = re.compile(r"_x([0-9a-f]{1,6})_")
_NOTHING = 0xFFFFFF
_SEGMENTS = {"": f"_x{_NOTHING:x}_", ".": "_x2e_", "..": "_x2e_."}
_CUT = 17


class Fitted(NamedTuple):
    """A record that MLflow takes.

    Attributes:
        record: the record, with names and values that fit.
        changed: what isn't in MLflow as it was, and can't be mapped back, in words.
    """

    record: RunRecord
    changed: tuple[str, ...]


def fitted(record: RunRecord) -> Fitted:
    """Return a record as MLflow takes it, and what had to be changed."""
    changed = [*changes(record)]
    metrics = {mapped(n): (_held(value), at) for n, (value, at) in record.metrics.items()}
    params = {mapped(n): value[:PARAM] for n, value in record.params.items()}
    tags = {mapped(n): value[:TAG] for n, value in record.tags.items()}
    artifacts = {**record.artifacts, **({EXACT: _exact(record)} if changed else {})}
    new = replace(record, metrics=metrics, params=params, tags=tags, artifacts=artifacts)
    return Fitted(new, tuple(changed))


def mapped(name: str) -> str:
    """Return a name as MLflow takes it."""
    key = "/".join(_segment(segment) for segment in _ODD.sub(_code, name).split("/"))
    key = f"_x2e_{key[1:]}" if key.startswith("..") else key
    return key if len(key) <= NAME else f"{key[: NAME - _CUT]}-{_digest(name)}"


def original(name: str) -> str:
    """Return the name that `mapped` mapped, where it wasn't cut."""
    return _MAPPED.sub(_char, name)


def wire(value: float) -> float | str:
    """Return a metric's value as MLflow's JSON has it: NaN is a text there."""
    return "NaN" if math.isnan(value) else value


def batches(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Return items in batches of the size that MLflow takes in one request."""
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        more = len(json.dumps(item)) + 2
        if batch and (len(batch) == _ITEMS or size + more > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield batch


def changes(record: RunRecord) -> Iterator[str]:
    """Say what MLflow won't have as it was, and can't be mapped back."""
    for name, (number, _) in record.metrics.items():
        if math.isinf(number):
            yield f"metric {name[:80]} is {number}, which MLflow holds as {_held(number):.4g}"
    texts = (("param", record.params, PARAM), ("tag", record.tags, TAG))
    for kind, values, longest in texts:
        for name, value in values.items():
            if len(value) > longest:
                yield f"{kind} {name[:80]} has {len(value)} characters, and MLflow holds {longest}"
    for name in (*record.metrics, *record.params, *record.tags):
        if original(mapped(name)) != name:
            yield f"name {name[:40]}… has {len(name)} characters, and MLflow holds {NAME}"


def _held(value: float) -> float:
    """Return a metric as MLflow holds it: infinity as the largest number."""
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else value


def _exact(record: RunRecord) -> bytes:
    """Return names and values as they were; numbers that JSON hasn't got, as texts."""
    metrics = {
        name: value if math.isfinite(value) else str(value)
        for name, (value, _) in record.metrics.items()
    }
    exact = {"metrics": metrics, "params": dict(record.params), "tags": dict(record.tags)}
    return json.dumps(exact, indent=2, sort_keys=True).encode()


def fitting(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a model version's tags as MLflow takes them; an object that is too long is cut.

    Of JSON that maps names to numbers, the largest part that fits is kept.
    """
    return [{"key": mapped(name), "value": _shortened(value)} for name, value in tags.items()]


def _shortened(value: str) -> str:
    if len(value) <= MODEL_TAG:
        return value
    try:
        raw = json.loads(value)
    except ValueError:
        return value[:MODEL_TAG]
    if not isinstance(raw, dict) or not all(
        isinstance(number, int | float) for number in raw.values()
    ):
        return value
    kept, size = {}, 2
    for name, number in raw.items():
        size += len(json.dumps(name, ensure_ascii=False)) + len(json.dumps(number)) + 2
        if size > MODEL_TAG:
            break
        kept[name] = number
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def _segment(text: str) -> str:
    """Return a part between slashes; MLflow takes none that is a path's own, such as ``..``."""
    return _SEGMENTS.get(text, text)


def _code(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):x}_"


def _char(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number <= sys.maxunicode else ""


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[: _CUT - 1]
