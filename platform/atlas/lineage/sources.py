"""What lineage is read from: the store, the model registry and git. Each is asked once."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, StoreError
from atlas.lineage.code import digest_at_commit
from atlas.lineage.decisions import Decisions, decisions_of
from atlas.lineage.deployments import (
    DeployedRecord,
    DeploymentEntry,
    entries_of,
    read_record,
    stacks,
)
from atlas.lineage.graph import ALTERED, BrokenLink, Ref
from atlas.lineage.images import KnownImage, known_images, without_host
from atlas.lineage.links import RunLinks, links_of, outcomes_of_run, read_links
from atlas.lineage.releases import TaggedRelease, releases_in
from atlas.registered import LOCAL_TARGET
from atlas.tracking.registry import LocalRegistry, RegisteredVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from atlas.plan import Plan
    from atlas.step.outcome import Outcome
    from atlas.store import Run, Store
    from atlas.tracking.mlflow import MlflowTracker


@dataclass
class LineageSources:
    """Where lineage is read from, and what was found wrong on the way.

    Attributes:
        store: the artifact store.
        folder: a folder of the git repository that holds the pipelines.
        server: MLflow; None where there is none, or it can't be reached.
        unasked: who couldn't be asked, and why.
        broken: what doesn't fit.
    """

    store: Store
    folder: Path
    server: MlflowTracker | None = None
    unasked: dict[str, None] = field(default_factory=dict)
    broken: dict[BrokenLink, None] = field(default_factory=dict)
    _plans: dict[str, Plan | None] = field(default_factory=dict)
    _links: dict[str, RunLinks | None] = field(default_factory=dict)
    _entries: dict[str, list[DeploymentEntry]] = field(default_factory=dict)
    _records: dict[str, DeployedRecord] = field(default_factory=dict)
    _decisions: dict[str, Decisions] = field(default_factory=dict)
    _codes: dict[tuple[str, str], str] = field(default_factory=dict)

    # What is wrong ----------------------------------------------------------------------------

    def fault(self, state: str, ref: Ref, where: str, found: str, expected: str = "") -> str:
        """Record what doesn't fit at a node, and return its state."""
        self.broken[BrokenLink(state, ref.id, where, found, expected)] = None
        return state

    def compare(self, ref: Ref, where: str, found: str, expected: str) -> str:
        """Record it where two differ that must be the same; return the state of the node."""
        return "" if found == expected else self.fault(ALTERED, ref, where, found, expected)

    # Runs -------------------------------------------------------------------------------------

    @cached_property
    def links(self) -> list[RunLinks]:
        """What every run of the store is linked with."""
        return [links for name in self.store.pipelines() for links in links_of(self.store, name)]

    def runs_where(self, matches: Callable[[RunLinks], bool]) -> Iterator[RunLinks]:
        """Give the runs that meet a condition, the oldest first."""
        return iter(sorted(filter(matches, self.links), key=lambda links: links.created))

    def links_of(self, key: str) -> RunLinks | None:
        """Return what one run is linked with, from its own records; None where it is gone."""
        if key not in self._links:
            self._links[key] = self._read_links(key)
        return self._links[key]

    def _read_links(self, key: str) -> RunLinks | None:
        pipeline, _, run = key.partition("/")
        try:
            return read_links(self.store, self.store.plan, pipeline, run)
        except StoreError:
            return next((links for links in self.links if links.key == key), None)

    def outcomes(self, run: Run) -> dict[str, Outcome]:
        """Return how a run's units ended: ``step`` or ``step/0001`` → outcome."""
        return outcomes_of_run(self.store, self.store.plan, run)

    def code_at(self, commit: str, plan: Plan) -> str:
        """Return the digest of a Plan's code as a commit has it; empty where git can't tell."""
        place = (commit, plan.code)
        if place not in self._codes:
            self._codes[place] = digest_at_commit(self.folder, commit, plan)
        return self._codes[place]

    def plan(self, digest: str) -> Plan | None:
        """Return a Plan; None where it isn't there, or isn't what its name says."""
        if digest not in self._plans:
            try:
                self._plans[digest] = self.store.plan(digest)
            except StoreError:
                self._plans[digest] = None
        return self._plans[digest]

    # Models -----------------------------------------------------------------------------------

    @cached_property
    def registry(self) -> LocalRegistry:
        """The store's own registry, which has a copy of what MLflow knows."""
        return LocalRegistry(self.store)

    def served(self, model: str, version: str) -> RegisteredVersion | None:
        """Return a version or alias as MLflow has it; None where it has none, or can't be asked."""
        if self.server is None:
            return None
        try:
            return self.server.find(model, version)
        except PlatformError as error:
            self.server = None
            self.unasked[str(error)] = None
            return None

    def kept(self, model: str, version: str) -> RegisteredVersion | None:
        """Return a version or alias as the store has it; None where it has none."""
        try:
            return self.registry.find(model, version)
        except (PlatformError, StoreError):
            return None

    def version(self, model: str, version: str) -> RegisteredVersion | None:
        """Return a version or alias as MLflow has it, or else the store."""
        return self.served(model, version) or self.kept(model, version)

    def alias(self, model: str, alias: str) -> str:
        """Return the version that an alias points at; empty for none."""
        registered = self.version(model, alias)
        return registered.version if registered else ""

    def decisions(self, model: str) -> Decisions:
        """Return the decisions on a model's versions."""
        if model not in self._decisions:
            self._decisions[model] = decisions_of(self.store.location, model)
        return self._decisions[model]

    # Images -----------------------------------------------------------------------------------

    @cached_property
    def images(self) -> list[KnownImage]:
        """The images that the store remembers."""
        return list(known_images(self.store))

    def image(self, key: str) -> KnownImage | None:
        """Return what is known of an image, by its digest or its tag."""
        return next((image for image in self.images if key in (image.name, image.tagged)), None)

    def image_key(self, reference: str) -> str:
        """Return what names the node of an image, by whatever of its names it was recorded."""
        image = self.image(reference)
        return image.name if image else reference

    def names_of(self, key: str) -> set[str]:
        """Return the names by which records may have an image, with the host that it came from."""
        image = self.image(key)
        names = {image.name, image.tagged} if image else {key}
        return {
            name for links in self.links for name in links.images if without_host(name) in names
        } | names

    # Deployments and releases -----------------------------------------------------------------

    def entry(self, key: str) -> DeploymentEntry | None:
        """Return a deployment by ``stack#number``."""
        stack, _, number = key.rpartition("#")
        return next((e for e in self.entries(stack) if str(e.number) == number), None)

    def plans_of(self, entry: DeploymentEntry) -> Mapping[str, str]:
        """Return the digests of the Plans that a deployment has deployed."""
        return self._record(entry).plans

    def images_of(self, entry: DeploymentEntry) -> tuple[str, ...]:
        """Return the images that a deployment has deployed."""
        return self._record(entry).images

    def _record(self, entry: DeploymentEntry) -> DeployedRecord:
        if entry.record not in self._records:
            try:
                record = read_record(self.store.location, entry)
            except StoreError:
                record = DeployedRecord({}, (), "")
            self._records[entry.record] = record
        return self._records[entry.record]

    def deployment_of(self, links: RunLinks) -> DeploymentEntry | None:
        """Return the deployment by which a run's Plan was there; None for a run of none.

        A deployment is recorded at its end, and an orchestrator may start what is due before that:
        its run is of the deployment that was under way.
        """
        plan = self.plan(links.plan)
        if plan is None or not plan.config:
            return None
        before: list[DeploymentEntry] = []
        after: list[DeploymentEntry] = []
        for entry in self.entries(f"{plan.config}.{plan.environment}"):
            (before if entry.at[:19] <= links.created[:19] else after).append(entry)
        under_way = after[:1] if links.target != LOCAL_TARGET else []
        possible = [*before[-1:], *under_way]
        return next((entry for entry in possible if links.plan in self.plans_of(entry)), None)

    def entries(self, stack: str) -> list[DeploymentEntry]:
        """Return the deployments of a stack, the oldest first."""
        if stack not in self._entries:
            self._entries[stack] = entries_of(self.store.location, stack)
        return self._entries[stack]

    def deployments(self) -> Iterator[DeploymentEntry]:
        """Give the deployments of all stacks."""
        for stack in stacks(self.store.location):
            yield from self.entries(stack)

    @cached_property
    def releases(self) -> dict[str, TaggedRelease]:
        """The releases of the repository, by the names of their tags."""
        return releases_in(self.folder)
