"""What a deployment should be, beside what there is: preview, deploy and plan files compare it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.store import open_location, open_store
from atlas_deploy.desired.bundle import material_of
from atlas_deploy.diff.members import Known, MemberChange, member_changes
from atlas_deploy.history import ownership, records
from atlas_deploy.live import snapshot
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas.plan import Plan
    from atlas_deploy.desired.bundle import Material, Part
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services

IMAGES = "StepImages"


@dataclass(frozen=True)
class Outlook:
    """A deployment as it should be beside what there is.

    Attributes:
        deployment: the deployment.
        services: its platform.
        parts: the resources that should be.
        found: the resources in the stack's state.
        live: what is really there, by the resource's name.
        material: what the parts were compiled from; None where they come from a record.
        plans: Plans that may not be in the store yet, by digest.
    """

    deployment: Deployment
    services: Services
    parts: Sequence[Part]
    found: Sequence[Resource]
    live: Mapping[str, Live]
    material: Material | None = None
    plans: Mapping[str, Plan] = field(default_factory=dict)

    @cached_property
    def before(self) -> dict[str, Mapping[str, Any]]:
        """The inputs that would make what is there, by the resource's name."""
        return {name: each.inputs for name, each in self.live.items()}

    @cached_property
    def after(self) -> dict[str, Mapping[str, Any]]:
        """The inputs that should be, by the resource's name."""
        return {part.name: part.inputs for part in self.parts}

    @property
    def is_right(self) -> bool:
        """Whether what is there and what the state says are both as they should be."""
        stated = {one.name: one.inputs for one in self.found}
        return self.before == self.after and stated == self.after

    @property
    def has_drifted(self) -> bool:
        """Whether what is there isn't what the state says."""
        return self.before != {one.name: one.inputs for one in self.found}

    @property
    def held(self) -> list[str]:
        """The DAGs that an operator has paused."""
        return [name for one in self.live.values() for name in one.state.get("held", ())]

    @cached_property
    def changes(self) -> list[MemberChange]:
        """What becomes of each member."""
        kinds = self._kinds()
        known = Known(self.plan, (self._images(self.before), self._images(self.after)))
        return [
            change
            for name in dict.fromkeys((*self.after, *self.before))
            for change in member_changes(
                (name, kinds[name]), self.before.get(name, {}), self.after.get(name, {}), known
            )
        ]

    @cached_property
    def entry(self) -> records.Entry | None:
        """The last entry of the stack's history."""
        return records.last(open_location(self.services.store), self.deployment.stack)

    def plan(self, digest: str) -> Plan:
        """Return the Plan of a digest.

        Raises:
            StoreError: it isn't known.
        """
        if digest in self.plans:
            return self.plans[digest]
        return open_store(self.services.store).plan(digest)

    def _kinds(self) -> dict[str, str]:
        """Return the kind of each resource by its name."""
        stated = {one.name: one.kind for one in self.found}
        return {**stated, **{part.name: part.kind for part in self.parts}}

    def _images(self, inputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Return the references of images by name."""
        name = next((name for name, kind in self._kinds().items() if kind == IMAGES), "")
        return dict(inputs.get(name, {}).get("members", {}))


def outlook(deployment: Deployment) -> Outlook:
    """Compile a deployment, and see what there is; nothing is written.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the stack's state can't be read.
    """
    services = services_of(deployment)
    material = material_of(deployment, services)
    return seen(deployment, services, material.parts, material)


def seen(
    deployment: Deployment,
    services: Services,
    parts: Sequence[Part],
    material: Material | None = None,
) -> Outlook:
    """See what there is of a deployment, beside the resources that should be.

    Raises:
        PlatformError: a service is down.
        DeployError: the stack's state can't be read, or another stack or project has one of the
            names.
    """
    snapshot.require(services, [part.kind for part in parts])
    found = snapshot.resources(deployment)
    ownership.require_own(deployment, services, parts)
    snapshot.require_free(parts, found)
    plans = material.plans if material else {}
    kinds = {part.kind for part in parts}
    here = [snapshot.moved(one, services) if one.kind in kinds else one for one in found]
    return Outlook(deployment, services, parts, found, snapshot.live(here), material, plans)
