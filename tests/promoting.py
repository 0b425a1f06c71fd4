"""A promotion as tests ask for it: by a rule and metrics, with a log in a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas.config import PromotionRule
from atlas.models.champions import Champions
from atlas.models.decision import Judge
from atlas.models.findings import Evidence
from atlas.models.promotion import Candidate, Promotion
from atlas.models.promotion import promote as promote_all
from atlas.store import Store
from atlas.tracking.registry import ModelRegistry


def promote(  # noqa: PLR0917
    store: Store,
    registry: ModelRegistry,
    model: str,
    version: str,
    rule: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> Promotion:
    judge = Judge(store, model, PromotionRule.parse(rule), rule, Evidence("r", metrics))
    return promote_all([Candidate(Champions(store, registry, model), version, judge)])[0]
