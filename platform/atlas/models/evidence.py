"""The evidence of a training run: what its store has of the version that it made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from atlas.config import ROW_METRICS
from atlas.errors import StoreError
from atlas.models.findings import Evidence, champions
from atlas.models.rows import Pairs, pair
from atlas.store import artifact_key
from atlas.tracking.record import metrics_of
from atlas.values import digest

if TYPE_CHECKING:
    from atlas.config import PromotionRule
    from atlas.plan import Plan
    from atlas.store import Manifest, Run, Store


def evidence_of(store: Store, plan: Plan, run: Run, rule: PromotionRule | None) -> Evidence:
    """Return what a run knows of the version that it has made.

    Args:
        store: the artifact store.
        plan: the run's Plan.
        run: the run.
        rule: the Config's promotion rule, or None.
    """
    steps = dict.fromkeys(metric.step for metric in rule.metrics) if rule else {}
    tables = {step: _tables(store, run, step) for step in steps if step in plan.by_name}
    whole = {step: manifests for step, manifests in tables.items() if manifests}

    @cache
    def pairs(step: str) -> Pairs | None:
        manifests = whole.get(step, [])
        if len(manifests) != 2 or rule is None:  # noqa: PLR2004 - the challenger's and the champion's
            return None
        challenger, champion = map(store.read, manifests)
        return pair(challenger, champion, key=rule.key, where=f"{step}.{ROW_METRICS}")

    names = ("challenger", "champion")
    return Evidence(
        run=run.id,
        metrics=metrics_of(store, plan, run),
        rival=run.champion,
        pairs=pairs,
        digests={
            step: dict(zip(names, (manifest.sha256 for manifest in manifests), strict=False))
            for step, manifests in whole.items()
        },
        inputs={step: _input_digest(store, plan, run, step) for step in whole},
    )


def _tables(store: Store, run: Run, step: str) -> list[Manifest]:
    """Return the tables of a step: the challenger's, and the champion's if it has one."""
    manifests: list[Manifest] = []
    for output in (ROW_METRICS, champions(ROW_METRICS)):
        try:
            manifests.append(
                store.manifest_at(artifact_key(run.pipeline, run.id, step, output, None))
            )
        except StoreError:
            return manifests
    return manifests


def _input_digest(store: Store, plan: Plan, run: Run, step: str) -> str:
    """Return a digest of what a step was given besides parts of the model; empty if unknown."""
    made = set(plan.model.parts.values()) if plan.model else set()
    sources = plan.step(step).inputs
    rows = [
        name
        for name, source in sources.items()
        if made.isdisjoint(f"{one.name}.{one.output}" for one in source.each())
    ]
    parts = (store.outcome(run.pipeline, run.id, step) or {}).get("parts", {})
    known = {name: parts[f"inputs.{name}"] for name in rows if f"inputs.{name}" in parts}
    return digest(known) if known else ""
