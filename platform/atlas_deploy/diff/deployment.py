"""A deployment as it should be beside what there is: preview, deploy and plan files compare it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.kinds import content
from atlas.store import open_store
from atlas_deploy.diff.alerts import alert_details
from atlas_deploy.diff.members import (
    SAME,
    MemberChange,
    PlanLookup,
    digest_in,
    member_changes,
)
from atlas_deploy.diff.monitors import monitor_details
from atlas_deploy.platforms.deployed_kinds import ALERTS, IMAGES, facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas.plan import Plan
    from atlas_deploy.desired.bundle import Bundle, Part
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.history.records import Entry
    from atlas_deploy.live.snapshot import Snapshot
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services

_BY_MEMBER = ("members", "plans", "schedules", "monitors")
"""Inputs that have a value for each member."""


@dataclass(frozen=True)
class DeploymentDiff:
    """A deployment as it should be beside what there is.

    Attributes:
        deployment: the deployment.
        services: its platform.
        parts: the resources that should be.
        snapshot: what there is.
        bundle: what the parts were compiled from; None where they come from a record.
        entry: the last entry of the stack's history, where it was read.
    """

    deployment: Deployment
    services: Services
    parts: Sequence[Part]
    snapshot: Snapshot
    bundle: Bundle | None = None
    entry: Entry | None = None

    @cached_property
    def before(self) -> dict[str, Mapping[str, Any]]:
        """The inputs that would make what is there, by the resource's name."""
        return {name: live.inputs for name, live in self.snapshot.live.items()}

    @cached_property
    def after(self) -> dict[str, Mapping[str, Any]]:
        """The inputs that should be, by the resource's name."""
        return {part.name: part.inputs for part in self.parts}

    @cached_property
    def stated(self) -> dict[str, Mapping[str, Any]]:
        """The inputs in Pulumi's state, by the resource's name."""
        return {resource.name: resource.inputs for resource in self.snapshot.state.resources}

    @property
    def is_empty(self) -> bool:
        """Whether what is there and what the state says are both as they should be."""
        return self.before == self.after and self.stated == self.after

    @property
    def has_drifted(self) -> bool:
        """Whether what is there isn't what the state says."""
        return self.before != self.stated

    @property
    def paused(self) -> list[str]:
        """The members that an operator has paused."""
        return self.snapshot.paused

    @cached_property
    def changes(self) -> list[MemberChange]:
        """What becomes of each member."""
        kinds = self._kinds()
        lookup = PlanLookup(self.plan, (self._images(self.before), self._images(self.after)))
        return [
            self._with_details(change)
            for name in dict.fromkeys((*self.after, *self.before))
            for change in member_changes(
                (name, kinds[name]), self.before.get(name, {}), self.after.get(name, {}), lookup
            )
        ]

    def _with_details(self, change: MemberChange) -> MemberChange:
        """Return a change; of alert rules and of a monitor, with how they differ."""
        if change.action == SAME:
            return change
        if change.resource == ALERTS:
            details = alert_details(self._stored(change.old), self._compiled(change.new))
            return replace(change, details=details)
        old, new = (self._monitored(inputs, change) for inputs in (self.before, self.after))
        if not old and not new:
            return change
        return replace(change, details=monitor_details(self._stored(old), self._compiled(new)))

    def _monitored(self, inputs: Mapping[str, Mapping[str, Any]], change: MemberChange) -> str:
        """Return the digest of what a monitor looks at; empty for what isn't a monitor's member."""
        monitors: Mapping[str, str] = inputs.get(change.kind, {}).get("monitors") or {}
        return monitors.get(change.name, "")

    def _compiled(self, digest: str) -> bytes:
        """Return the content of a digest that was compiled, or that the store has."""
        contents = self.bundle.contents if self.bundle else ()
        own = (text for text in reversed(contents) if content.digest_of(text) == digest)
        return next(own, b"") or self._stored(digest)

    def _stored(self, digest: str) -> bytes:
        """Return the content of a digest that the store has; empty for none."""
        try:
            return content.get(self.services.store, digest) if digest_in(digest) else b""
        except StoreError:
            return b""

    def plan(self, digest: str) -> Plan:
        """Return the Plan of a digest.

        Raises:
            StoreError: it isn't known.
        """
        if self.bundle and digest in self.bundle.plans:
            return self.bundle.plans[digest]
        return open_store(self.services.store).plan(digest)

    def _kinds(self) -> dict[str, str]:
        """Return the kind of each resource by its name."""
        stated = {resource.name: resource.kind for resource in self.snapshot.state.resources}
        return {**stated, **{part.name: part.kind for part in self.parts}}

    def _images(self, inputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Return the references of images by name."""
        name = next((name for name, kind in self._kinds().items() if kind == IMAGES), "")
        return dict(inputs.get(name, {}).get("members", {}))


def drifted(snapshot: Snapshot) -> bool:
    """Tell whether what a quick look shows isn't what Pulumi's state says."""
    was_read = [resource for resource in snapshot.resources if not facts_of(resource.kind).is_slow]
    return any(_differs(resource, snapshot.live) for resource in was_read)


def _differs(resource: Resource, live: Mapping[str, Live]) -> bool:
    """Tell whether a resource isn't as it was deployed."""
    inputs = live[resource.name].inputs if resource.name in live else {}
    return any((inputs.get(name) or {}) != (resource.inputs.get(name) or {}) for name in _BY_MEMBER)
