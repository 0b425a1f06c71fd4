"""All objects of a platform, made as data before any of them is declared as a resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pulumi

from infra.kubernetes.objects import DeclaredObjects
from infra.kubernetes.services import ClusterPlatform, ClusterService, patched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest
    from infra.outputs import ServiceOutput


@dataclass(frozen=True, slots=True)
class _Planned:
    """What a service that isn't declared yet says to those that stand on it."""

    url: pulumi.Output[str]
    services: Mapping[str, pulumi.Input[ServiceOutput]]


@dataclass(frozen=True)
class Rehearsal(ClusterPlatform):
    """A platform whose services make their objects, and declare nothing.

    Attributes:
        objects: the objects, patched; some values are outputs.
    """

    objects: list[Manifest] = field(default_factory=list)

    def declare(
        self,
        name: str,
        kind: str,
        manifests: Sequence[Manifest],
        url: pulumi.Input[str],
        *,
        services: Mapping[str, pulumi.Input[ServiceOutput]] | None = None,
        after: Sequence[str] = (),
    ) -> ClusterService:
        """Keep the objects of a service."""
        for one in after:
            self.service(one)
        self.objects.extend(patched(self.settings, manifests))
        return cast("ClusterService", _Planned(pulumi.Output.from_input(url), services or {}))


def rehearsed(settings: ClusterSettings, namespaces: Sequence[Manifest]) -> list[Manifest]:
    """Return all objects that are going to be made.

    Args:
        settings: the stack's settings.
        namespaces: those of the namespaces.

    Raises:
        pulumi.RunError: official manifests can't be had, or aren't those that are pinned.
    """
    nobody = cast("pulumi.ProviderResource", None)
    platform = Rehearsal(settings, nobody, DeclaredObjects())
    platform.services()
    return [*namespaces, *platform.objects]
