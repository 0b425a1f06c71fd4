"""What the catalogue says: plain values, gathered before any page is written."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.lineage.deployments import DeploymentEntry
    from atlas.plan import Pipeline
    from atlas.runs.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Link:
    """A page of a service about a pipeline.

    Attributes:
        name: what people call the service.
        url: where the page is.
    """

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """One version of a model.

    Attributes:
        version: its number.
        created: when its training ended, ISO 8601, or empty.
        run: the training run.
        commit: git commit of the pipeline's folder, or empty.
        metrics: ``step.metric`` → value.
        data: data set → digest of what was read.
    """

    version: str
    created: str = ""
    run: str = ""
    commit: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogTrigger:
    """What was last seen of a trigger of retraining.

    Attributes:
        name: ``drift``, ``new_rows`` and so on.
        state: ``quiet``, ``fires``, ``fired`` or ``warns``.
        spent: probability of a false alarm that is spent.
        budget: that of the champion's whole life; 0 where the trigger has none.
        why: in words.
    """

    name: str
    state: str
    spent: float = 0.0
    budget: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """The registered model of a pipeline.

    Attributes:
        name: its registered name.
        champion: the version that is the champion, or empty.
        metric: ``step.metric`` that decides on promotion, or empty.
        versions: the newest first.
    """

    name: str
    champion: str = ""
    metric: str = ""
    versions: tuple[CatalogVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One pipeline.

    Attributes:
        pipeline: its documents, resolved.
        owners: who answers for it.
        model: the model that it trains or uses; None without one.
        deployments: Environment → the last deployment of its Config there.
        runs: the newest first, a few.
        triggers: of its monitor's last check.
        checked: when that was, or empty.
        reads: pipelines whose outputs it reads.
        read_by: pipelines that read its outputs.
        links: pages of services about it.
        notes: what couldn't be read, in words.
    """

    pipeline: Pipeline
    owners: tuple[str, ...] = ()
    model: CatalogModel | None = None
    deployments: Mapping[str, DeploymentEntry] = field(default_factory=dict)
    runs: tuple[RunSummary, ...] = ()
    triggers: tuple[CatalogTrigger, ...] = ()
    checked: str = ""
    reads: tuple[str, ...] = ()
    read_by: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.pipeline.name

    @property
    def environments(self) -> dict[str, DeploymentEntry]:
        """Where it is deployed now: a destroyed deployment isn't."""
        return {name: one for name, one in self.deployments.items() if one.record}


@dataclass(frozen=True, slots=True)
class Catalog:
    """All pipelines of a project.

    Attributes:
        project: the project's name.
        made: when it was gathered, ISO 8601 in UTC.
        entries: by name.
        notes: what couldn't be read, in words.
    """

    project: str
    made: str
    entries: tuple[CatalogEntry, ...]
    notes: tuple[str, ...] = ()


def counted(catalog: Catalog) -> str:
    """Return how many pipelines there are, in words."""
    count = len(catalog.entries)
    return f"{count:,} pipeline{'s' * (count != 1)}"
