"""The kinds of nodes: how each is read and checked, what it came of, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.lineage.kinds.artifact import ArtifactKind
from atlas.lineage.kinds.commit import CommitKind
from atlas.lineage.kinds.data import DataKind
from atlas.lineage.kinds.decision import DecisionKind
from atlas.lineage.kinds.deployment import DeploymentKind
from atlas.lineage.kinds.image import ImageKind
from atlas.lineage.kinds.model import ModelKind
from atlas.lineage.kinds.plan import CodeKind, PlanKind
from atlas.lineage.kinds.release import ReleaseKind
from atlas.lineage.kinds.run import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.lineage.kinds.kind import LineageKind

KINDS: Mapping[str, LineageKind] = {
    kind.name: kind
    for kind in (
        ArtifactKind(),
        RunKind(),
        ModelKind(),
        DecisionKind(),
        DataKind(),
        PlanKind(),
        CodeKind(),
        ImageKind(),
        CommitKind(),
        ReleaseKind(),
        DeploymentKind(),
    )
}
"""By name, in the order in which they are shown."""
