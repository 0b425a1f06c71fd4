"""PromQL, put together from parts; every text is a string literal, whatever is in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from atlas.metrics import exposition
from atlas.metrics.catalogue import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PIPELINE = ("environment", "pipeline", "flow")
"""Labels that name a flow of a pipeline."""
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_EXACT = 2.0**53


def literal(text: str) -> str:
    """Return a text as a string literal: Go's escapes are those of JSON, and more."""
    return json.dumps(text, ensure_ascii=False)


def pattern(text: str) -> str:
    """Return a regular expression that matches just a text: all of RE2's letters are escaped."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def selector(name: str, labels: Mapping[str, str], pipelines: Sequence[str]) -> str:
    """Return the selector of a metric of some pipelines.

    Of several, it is by what their names begin with: who reads it joins it with the exact names.

    Args:
        name: the metric.
        labels: values of labels; an empty one for a series without the label.
        pipelines: names of pipelines.
    """
    matchers = [f"{label}={literal(value)}" for label, value in sorted(labels.items())]
    if len(pipelines) == 1:
        matchers.append(f"pipeline={literal(pipelines[0])}")
    else:
        matchers.append(f"pipeline=~{literal(f'{pattern(_common(pipelines))}.+')}")
    return f"{name}{{{','.join(matchers)}}}"


def by(expression: str, *labels: str) -> str:
    """Return an expression with one series for each flow of a pipeline and these labels."""
    return f"max by ({', '.join((*PIPELINE, *labels))}) ({expression})"


def own_labels(name: str) -> tuple[str, ...]:
    """Return the labels that the series of a metric of Atlas have besides those of their group."""
    return BY_NAME[name].labels


def either(terms: Sequence[str]) -> str:
    """Return the union of expressions, as a tree: the time of a chain grows with its square."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({either(terms[:middle])} or {either(terms[middle:])})"


def labelled(label: str, value: str) -> str:
    """Return a vector of one series, 1, with a label."""
    replacement = literal(value.replace("$", "$$"))
    return f'label_replace(vector(1), "{label}", {replacement}, "", "")'


def plain(text: str) -> str:
    """Return a text of which Prometheus's templates replace nothing."""
    return text.replace("{{", '{{"{{"}}')


def duration(seconds: float) -> str:
    """Return a duration as Prometheus writes it, in its largest whole unit: ``26h``."""
    milliseconds = round(seconds * 1000)
    fitting = (unit for unit, size in _UNITS.items() if milliseconds % size == 0)
    unit = next(fitting)
    return f"{milliseconds // _UNITS[unit]}{unit}"


def number(value: float) -> str:
    """Return a number, whole ones without a point."""
    whole = abs(value) < _EXACT and value == int(value)
    return str(int(value)) if whole else exposition.number(value)


def _common(names: Sequence[str]) -> str:
    """Return what names begin with that are all different."""
    first, last = min(names), max(names)
    pairs = enumerate(zip(first, last, strict=False))
    same = next((position for position, (one, other) in pairs if one != other), len(first))
    return first[: min(same, min(map(len, names)) - 1)]
