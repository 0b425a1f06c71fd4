"""The decision: whether a version passes its Config's rule, given the champion as it is now."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, ChampionRowsError, PlatformError
from atlas.models.champions import Ruling
from atlas.models.findings import Evidence, MetricFinding, champions
from atlas.models.paired import (
    BETTER,
    NOT_WORSE,
    SAME,
    WORSE,
    PairedComparison,
    Question,
    check_values,
    compare,
)
from atlas.models.testsets import Use, use
from atlas.store.run import same_parts
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.config import MetricRule, PromotionRule
    from atlas.models.rows import Pairs
    from atlas.store import Store
    from atlas.tracking.registry import RegisteredVersion


@dataclass(frozen=True)
class Judge:
    """Decides by a rule on a version, given its evidence.

    Attributes:
        store: where the use of test sets is recorded.
        model: the registered name.
        rule: the rule; None promotes whatever is registered.
        raw: the rule as the Config has it.
        evidence: what is known of the version.
        spend: whether the use of test sets is recorded.
    """

    store: Store
    model: str
    rule: PromotionRule | None
    raw: Mapping[str, Any]
    evidence: Evidence
    spend: bool = True

    def __call__(self, champion: RegisteredVersion | None) -> Ruling:
        """Return the decision.

        Args:
            champion: the champion now, or None.
        """
        if self.rule is None:
            return self._ruling([MetricFinding(True, "the Config has no rule")], None)
        findings = [self._within(metric) for metric in self.rule.metrics]
        if champion is None or not self.rule.compares or not _all_pass(findings):
            return self._ruling(findings, None)
        against = _Against(self, self.rule, champion)
        try:
            result = [*against.findings()]
        except PlatformError:
            raise
        except AtlasError as error:
            result = [MetricFinding(False, f"can't be compared with the champion: {error}")]
        return self._ruling([*_bare(findings, result), *result], against.used)

    def _within(self, metric: MetricRule) -> MetricFinding:
        """Return whether a metric is there and within its bounds."""
        name, value = metric.metric, self.evidence.metrics.get(metric.metric)
        if value is None:
            known = ", ".join(sorted(self.evidence.metrics)) or "none"
            return MetricFinding(False, f"the run has no metric '{name}'; it has {known}")
        if metric.at_least is not None and value < metric.at_least:
            text = f"{name} is {value:.6g}, and must be at least {metric.at_least:g}"
            return MetricFinding(False, text)
        if metric.at_most is not None and value > metric.at_most:
            return MetricFinding(
                False, f"{name} is {value:.6g}, and must be at most {metric.at_most:g}"
            )
        return MetricFinding(True, f"{name} is {value:.6g}")

    def _ruling(self, findings: list[MetricFinding], used: Use | None) -> Ruling:
        failed = [finding for finding in findings if not finding.passes]
        shown = failed or findings
        text = "; ".join(finding.text for finding in shown)
        if used is not None:
            text = f"{text} ({_of_use(used)})"
        evidence = {
            "run": self.evidence.run,
            "metrics": dict(self.evidence.metrics),
            "findings": [dict(finding.facts) for finding in findings if finding.facts],
            "rows": {step: dict(digests) for step, digests in self.evidence.digests.items()},
            **({"testset": used.to_json()} if used else {}),
        }
        return Ruling(not failed, text, dict(self.raw), evidence)


def _all_pass(findings: list[MetricFinding]) -> bool:
    return all(finding.passes for finding in findings)


def _bare(findings: list[MetricFinding], result: list[MetricFinding]) -> list[MetricFinding]:
    """Return the findings of bounds whose metric no comparison tells of."""
    compared = {str(finding.facts.get("metric", "")) for finding in result}
    return [finding for finding in findings if finding.text.split(" ", 1)[0] not in compared]


def _of_use(used: Use) -> str:
    number = f"use {used.number} of this test set"
    return f"{number}: a confidence of {used.confidence:g} has become {1 - used.alpha:.6g}"


@dataclass
class _Against:
    """A version beside one champion.

    Attributes:
        judge: of the version.
        rule: its rule.
        champion: the champion.
        used: the use of the test set, once rows were compared.
    """

    judge: Judge
    rule: PromotionRule
    champion: RegisteredVersion
    used: Use | None = None

    @property
    def evidence(self) -> Evidence:
        return self.judge.evidence

    @cached_property
    def is_rival(self) -> bool:
        """Whether the run has scored this champion; a registry gives numbers of its own."""
        if self.evidence.rival is None:
            return False
        try:
            return same_parts(self.champion.resolved().parts, self.evidence.rival.parts)
        except PlatformError:
            return False

    def findings(self) -> Iterator[MetricFinding]:
        """Return what is found of each metric, and of each slice.

        Raises:
            AtlasError: rows can't be compared.
        """
        if self.rule.beats_champion:
            yield self._of(self.rule.main)
        for guard in self.rule.guards:
            if guard.margin is not None:
                yield self._of(guard)
        if self.rule.by:
            yield from self._of_slices()

    def _of(self, metric: MetricRule) -> MetricFinding:
        try:
            pairs = self._pairs(metric)
            if not isinstance(pairs, str):
                return self._by_row(metric, pairs)
        except ChampionRowsError as error:
            pairs = f"the champion's rows can't be compared ({error})"
        return self._by_number(metric, pairs)

    def _pairs(self, metric: MetricRule) -> Pairs | str:
        """Return the rows of both models, or why single numbers have to do.

        Raises:
            AtlasError: the rows are there, of another champion.
        """
        if not metric.direction:
            return "the rule states no direction"
        if metric.step not in self.evidence.digests:
            return f"step {metric.step} gives no row_metrics"
        if not self.is_rival:
            has = self.evidence.rival
            scored = f"version {has.version}" if has else "no champion"
            raise AtlasError(
                f"the run has scored {scored} beside it, and version {self.champion.version} has "
                "become the champion since; train again"
            )
        pairs = self.evidence.pairs(metric.step)
        if pairs is None:
            return f"step {metric.step} gives no row_metrics of the champion"
        has_column = metric.name in pairs.challenger.columns
        return pairs if has_column else f"row_metrics has no column '{metric.name}'"

    # Row by row -----------------------------------------------------------------------------

    def _by_row(self, metric: MetricRule, pairs: Pairs) -> MetricFinding:
        self._check_mean(metric, pairs)
        values = pairs.values(metric.name)
        check_values(*values, metric.metric)
        confidence = self._confidence(metric, pairs)
        question = Question(metric.metric, metric.direction, confidence, metric.margin)
        result = compare(*values, question)
        return MetricFinding(result.passes, _in_words(result), result.to_json())

    def _check_mean(self, metric: MetricRule, pairs: Pairs) -> None:
        """Check that the rows' values are those that the metric is the mean of."""
        values, recorded = (
            pairs.challenger_values(metric.name),
            self.evidence.metrics[metric.metric],
        )
        mean = float(values.mean())
        if math.isfinite(mean) and not math.isclose(recorded, mean, rel_tol=1e-6, abs_tol=1e-9):
            text = f"is {recorded:.6g}, and the mean of its rows is {mean:.6g}"
            raise AtlasError(f"{metric.metric} {text}; expected the rows that it is the mean of")

    def _confidence(self, metric: MetricRule, pairs: Pairs) -> float:
        """Return the confidence that is left on this test set."""
        if self.used is None:
            testset = pairs.identity() or self.evidence.inputs.get(metric.step, "")
            if not testset:
                testset = digest(len(pairs.challenger))
            evidence = digest([testset, dict(self.evidence.digests[metric.step])])
            store, model, spend = self.judge.store, self.judge.model, self.judge.spend
            confidence = self.rule.confidence
            self.used = use(store, testset, evidence, confidence, model=model, spend=spend)
        return 1.0 - self.used.alpha

    def _of_slices(self) -> Iterator[MetricFinding]:
        """Return what is found in slices: one finding for each that is worse, else one for all.

        Raises:
            AtlasError: there are no rows.
        """
        main, margin = self.rule.main, self.rule.slice_margin
        pairs = self._pairs(main)
        if isinstance(pairs, str):
            raise AtlasError(f"slices by {', '.join(self.rule.by)}: {pairs}")
        alpha = 1.0 - self._confidence(main, pairs)
        parts = [part for column in self.rule.by for part in pairs.slices(column)]
        enough = [part for part in parts if len(part[1].challenger) > 1]
        confidence = 1.0 - alpha / max(1, len(enough))
        worse = []
        for name, rows in enough:
            question = Question(f"{main.metric} of {name}", main.direction, confidence, margin)
            result = compare(*rows.values(main.name), question, is_slice=True)
            if result.high < -margin:
                worse.append(
                    MetricFinding(False, _in_words(result), {**result.to_json(), "slice": name})
                )
        text = f"none of {len(parts)} slices by {', '.join(self.rule.by)} is worse"
        yield from worse or [MetricFinding(True, text)]

    # One number each ------------------------------------------------------------------------

    def _by_number(self, metric: MetricRule, why: str) -> MetricFinding:
        """Compare two numbers: of the same test set, else each of its own."""
        scored = self.evidence.metrics.get(f"{metric.step}.{champions(metric.name)}")
        where = "on the same test set"
        if scored is None or not self.is_rival:
            scored, where = self.champion.metrics().get(metric.metric), "on its own test set"
        value = self.evidence.metrics[metric.metric]
        if scored is None:
            return MetricFinding(
                True, f"{metric.metric} is {value:.6g}; the champion has no such metric"
            )
        better = scored - value if metric.is_lower_better else value - scored
        margin = metric.margin
        passes = better > 0 or (margin is not None and better > -margin)
        text = f"{metric.metric} is {value:.6g}, and the champion's is {scored:.6g} {where}"
        # A rule of the older form never asked for more than that.
        is_explained = self.rule.is_paired or margin is not None or bool(metric.direction)
        text = f"{text}; single numbers were compared, for {why}" if is_explained else text
        facts = {"metric": metric.metric, "challenger": value, "champion": scored, "where": where}
        return MetricFinding(passes, text, {**facts, "single_numbers": why})


def _in_words(result: PairedComparison) -> str:
    what = (
        f"{result.metric} is {result.challenger:.6g}, and the champion's is {result.champion:.6g} "
        f"on the same {result.rows:,} rows"
    )
    bounds = f"{_number(result.low)} to {_number(result.high)}"
    difference = f"difference {result.difference:.6g}, {bounds}, {result.test}"
    return f"{what}: {_VERDICTS[result.verdict].format(margin=result.margin)} ({difference})"


_VERDICTS = {
    BETTER: "better",
    NOT_WORSE: "not worse by {margin:g} or more",
    WORSE: "worse",
    SAME: "indistinguishable, so the champion stays",
}


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "unbounded"
