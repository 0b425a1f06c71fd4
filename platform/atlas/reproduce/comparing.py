"""Comparing a run with the one that it repeats: digests first, then metrics, then what differs."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StoreError
from atlas.formats import readable
from atlas.reproduce.differences import difference_between
from atlas.step.trusting import trust_of
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.reproduce.original import OriginalRun
    from atlas.step.outcome import Outcome
    from atlas.store import Store

BIT_EQUAL, METRIC_EQUAL, DIFFERENT = "bit-equal", "metric-equal", "different"
"""Verdicts: all artifacts are the same to the byte; some aren't, and all metrics are within the
tolerance; or they aren't."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first output, in the order of the steps, that isn't what it was.

    Attributes:
        unit: ``step`` or ``step/0001``.
        output: the output's name; empty where the step failed.
        found: sha256 now, or why the step failed.
        expected: sha256 then.
        detail: which column, element or key differs first, and by how much.
    """

    unit: str
    output: str
    found: str
    expected: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run compares with the one that it repeats.

    Attributes:
        verdict: ``bit-equal``, ``metric-equal`` or ``different``.
        first: the first output that differs; None where none does.
        equal: how many outputs are the same to the byte.
        compared: how many were compared.
        metrics: of those that differ: name → then, now, and the tolerance.
    """

    verdict: str
    first: FirstDifference | None = None
    equal: int = 0
    compared: int = 0
    metrics: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much a metric may differ, relative to its size where that is above 1.

    Attributes:
        general: of a metric that isn't named.
        named: ``step.metric`` → its own.
    """

    general: float = 1e-9
    named: Mapping[str, float] = field(default_factory=dict)

    def of(self, metric: str) -> float:
        """Return that of a metric."""
        return self.named.get(metric, self.general)

    def holds(self, metric: str, then: float, now: float) -> bool:
        """Tell whether two values of a metric are near enough."""
        both_missing = math.isnan(then) and math.isnan(now)
        return both_missing or abs(now - then) <= self.of(metric) * max(1.0, abs(then))


def parsed_tolerance(texts: tuple[str, ...]) -> Tolerance:
    """Return a tolerance from ``1e-6`` and ``train.error=0.01``.

    Raises:
        AtlasError: one isn't a number that is 0 or more.
    """
    general, by_name = Tolerance().general, {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise AtlasError(
                f"--tolerance {text}: found '{number}', expected a number that is 0 or more, such "
                "as 1e-6 or train.error=0.01"
            )
        if equals:
            by_name[name] = value
        else:
            general = value
    return Tolerance(general, by_name)


@dataclass(frozen=True)
class RepeatedRun:
    """A run and the one that it repeats.

    Attributes:
        original: the run then.
        before: the store that has its artifacts.
        outcomes: how the units ended now.
        after: the store that has theirs.
    """

    original: OriginalRun
    before: Store
    outcomes: Mapping[str, Outcome]
    after: Store

    def verdict(self, tolerance: Tolerance) -> Verdict:
        """Return how the two compare."""
        pairs = list(self._digests())
        unequal = [pair for pair in pairs if pair[2] != pair[3]]
        metrics = dict(self._metrics())
        first = self._first(*unequal[0]) if unequal else self._failed()
        beyond = [name for name, two in metrics.items() if not tolerance.holds(name, *two)]
        differing = {n: (*two, tolerance.of(n)) for n, two in metrics.items() if two[0] != two[1]}
        failed = self._failed()
        is_same = first is None and not differing and bool(pairs)
        is_near = not beyond and bool(metrics) and failed is None
        verdict = BIT_EQUAL if is_same else METRIC_EQUAL if is_near else DIFFERENT
        equal = len(pairs) - len(unequal)
        return Verdict(verdict, failed or first, equal, len(pairs), differing)

    def _digests(self) -> Iterator[tuple[str, str, str, str]]:
        """Give unit, output, sha256 now and then, in the order of the steps."""
        for unit in self._units():
            now = self.outcomes.get(unit)
            then = self._recorded(unit)
            for output, sha256 in then.items():
                yield unit, output, now.outputs.get(output, "") if now else "", sha256

    def _units(self) -> list[str]:
        order = {step.name: number for number, step in enumerate(self.original.plan.steps)}
        parts = (key.rpartition("/")[0] for key in self.original.parts)
        known = {*self.original.outcomes, *self.outcomes, *parts}
        return sorted(known, key=lambda unit: (order.get(unit.partition("/")[0], 0), unit))

    def _recorded(self, unit: str) -> dict[str, str]:
        """Return the outputs of a unit then; of a run that was removed, the model's parts."""
        outcome = self.original.outcomes.get(unit)
        if outcome is not None:
            own = {*self.original.plan.by_name[unit.partition("/")[0]].outputs}
            names = (n for n in outcome.outputs if not n.startswith(CHAMPION) or n in own)
            return {name: outcome.outputs[name] for name in names}
        head = f"{unit}/"
        parts = self.original.parts.items()
        return {k.removeprefix(head): sha256 for k, sha256 in parts if k.startswith(head)}

    def _metrics(self) -> Iterator[tuple[str, tuple[float, float]]]:
        """Give each metric then and now; NaN where there is none now."""
        now = {
            f"{unit.replace('/', '.')}.{name}": value
            for unit, outcome in self.outcomes.items()
            for name, value in outcome.metrics.items()
        }
        for name, then in self.original.metrics.items():
            if f".{CHAMPION}." not in f".{name}":
                yield name, (then, now.get(name, math.nan))

    def _failed(self) -> FirstDifference | None:
        """Return the first step that didn't come to its end now."""
        for unit in self._units():
            outcome = self.outcomes.get(unit)
            if outcome is not None and not outcome.ok:
                return FirstDifference(unit, "", outcome.error, "that the step is done")
        return None

    def _first(self, unit: str, output: str, now: str, then: str) -> FirstDifference:
        detail = self._detail(unit, output) if now else "the step has made none"
        return FirstDifference(unit, output, now or "nothing", then, detail)

    def _detail(self, unit: str, output: str) -> str:
        """Return in words what differs between two artifacts; empty where they can't be read."""
        try:
            then, now = (self._value(s, unit, output) for s in (self.before, self.after))
        except (AtlasError, OSError):
            return ""
        return difference_between(then, now)

    def _value(self, store: Store, unit: str, output: str) -> Any:
        """Return an artifact's value; of what would make objects of any class, nothing is read.

        Raises:
            StoreError: it isn't there, or isn't to be read.
        """
        step, _, index = unit.partition("/")
        run, plan = self.original.run, self.original.plan
        place = (run.pipeline, run.id, step, output)
        manifest = store.manifest(*place, index=int(index) if index else None)
        trust = trust_of(plan, plan.by_name[step].outputs.get(output))
        kind = readable(manifest.format, trust)
        if kind.is_unsafe or kind.makes_objects:
            raise StoreError(f"a {kind.name} is compared by its bytes alone")
        return store.read(manifest, trust=trust)
