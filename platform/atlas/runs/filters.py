"""Filters of runs: ``NAME OP VALUE``, by a field, a tag, a param or a metric."""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load.words import nearest
from atlas.step.binding import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from atlas.runs.summary import RunSummary

TEXT_FIELDS = (
    *("run", "pipeline", "flow", "status", "trigger", "user", "commit", "target", "model"),
    *("registered", "decision", "plan"),
)
NUMBER_FIELDS = ("seconds",)
TIME_FIELDS = ("started",)
TAG, PARAM, METRIC = "tag", "param", "metric"
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq,
    ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_CONDITION = re.compile(r"\s*([^<>=!\s]+)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*", re.DOTALL)
_EXPECTED = "expected NAME, one of = != > >= < <=, and a value, such as evaluate.error<=0.2"


@dataclass(frozen=True, slots=True)
class RunFilter:
    """One condition; a run that hasn't what it names doesn't meet it.

    Attributes:
        kind: ``field``, ``tag``, ``param`` or ``metric``.
        name: the field's name, the tag's key, or the param's or metric's name.
        symbol: one of ``= != > >= < <=``.
        value: what it is compared with, as it was written; a moment in ISO 8601, in UTC.
    """

    kind: str
    name: str
    symbol: str
    value: str

    def accepts(self, run: RunSummary) -> bool:
        """Tell whether a run meets the condition."""
        value = self._value_of(run)
        if value is None:
            return False
        numbers = _number(value), _number(self.value)
        if None not in numbers:
            return _OPERATORS[self.symbol](*numbers)
        return _OPERATORS[self.symbol](str(value), self.value)

    def _value_of(self, run: RunSummary) -> Any:
        if self.kind == TAG:
            return run.tags.get(self.name)
        if self.kind == PARAM:
            return run.params.get(self.name)
        if self.kind == METRIC:
            return run.metrics.get(self.name)
        value = getattr(run, self.name)
        return moment(value) if self.name in TIME_FIELDS else value


def filtered(runs: Sequence[RunSummary], conditions: Iterable[str]) -> list[RunSummary]:
    """Return the runs that meet all conditions.

    Args:
        runs: the runs.
        conditions: such as ``status=done``, ``started>=2026-01-31``, ``tag.owner=ann``,
            ``param.train.rate=0.1``, ``metric.evaluate.error<=0.2``; a bare name is that of a
            field, a metric or a param, the first of these that there is.

    Raises:
        AtlasError: a condition can't be read, or names what no run has.
    """
    kept = list(runs)
    for condition in conditions:
        parsed = parse(condition, runs)
        kept = [run for run in kept if parsed.accepts(run)]
    return kept


def parse(text: str, runs: Sequence[RunSummary]) -> RunFilter:
    """Return the filter of a text.

    Args:
        text: the condition.
        runs: those that it is for: their metrics and params are what it can name.

    Raises:
        AtlasError: it can't be read, or names what no run has.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise AtlasError(f"--where: '{text}' isn't a condition; {_EXPECTED}")
    name, symbol, value = match.groups()
    kind, name = _named(name, runs)
    if kind == METRIC or name in NUMBER_FIELDS:
        _check_number(name, value)
    if kind == "field" and name in TIME_FIELDS:
        value = moment(value, f"--where {name}")
    return RunFilter(kind, name, "=" if symbol == "==" else symbol, value)


def _named(name: str, runs: Sequence[RunSummary]) -> tuple[str, str]:
    """Return what a name is that of, and the name without its prefix."""
    if name in (*TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS):
        return "field", name
    prefix, _, rest = name.partition(".")
    if prefix == TAG and rest:
        return TAG, rest
    known = {METRIC: metrics_in(runs), PARAM: {key for run in runs for key in run.params}}
    if prefix in known and rest in known[prefix]:
        return prefix, rest
    kind = next((kind for kind, names in known.items() if name in names), "")
    if kind:
        return kind, name
    fields = (*TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS)
    hint = nearest(name, (*fields, *sorted(known[METRIC]), *sorted(known[PARAM])))
    expected = hint or f"expected one of {', '.join(fields)}, tag.KEY, or a metric or param"
    raise AtlasError(f"--where: no run has a metric, param or field '{name}' ({expected})")


def metrics_in(runs: Iterable[RunSummary]) -> set[str]:
    """Return the names of all metrics of some runs."""
    return {name for run in runs for name in run.metrics}


def _check_number(name: str, value: str) -> None:
    number = _number(value)
    if number is None or math.isnan(number):
        raise AtlasError(f"--where {name}: found '{value}', expected a number")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
