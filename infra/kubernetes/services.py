"""The services of a platform on a cluster: the one table of them, and what they share.

To add a service: a folder with its data in ``platform/services/<name>``, a module here with a
function that declares it, and a line in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import pulumi

from infra.kubernetes.gateway import entrance
from infra.kubernetes.namespaces import PlatformNamespace
from infra.kubernetes.objects import DeclaredObjects, declare_objects, ends
from infra.manifests import patches
from infra.manifests.definitions import without_descriptions
from infra.manifests.sources import Rendering, renderings
from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest

SERVICES: Mapping[str, str] = {
    "cloudnative-pg": "infra.kubernetes.cloudnative_pg:declare",
    "object-store": "infra.kubernetes.object_store:declare",
    "postgresql": "infra.kubernetes.postgresql:declare",
    "registry": "infra.kubernetes.registry:declare",
    "prometheus": "infra.kubernetes.prometheus:declare",
    "pushgateway": "infra.kubernetes.pushgateway:declare",
    "mlflow": "infra.kubernetes.mlflow:declare",
    "kubeflow": "infra.kubernetes.kubeflow:declare",
    "airflow": "infra.kubernetes.airflow:declare",
}
"""What declares each service, given the platform; each after those that it stands on."""
KINDS: Mapping[str, str] = {"kubeflow": "kfp", "object-store": "s3"}
"""What a service is called in the outputs, where that isn't its own name."""
INTERNAL = ("postgresql", "object-store", "cloudnative-pg")
"""The services that the platform's own services speak to, and nobody else by the outputs."""
OWN = "atlas"
"""The namespace of the services that are the platform's own objects."""
NAMESPACES: Mapping[str, PlatformNamespace] = {
    OWN: PlatformNamespace(name=OWN, has_ingress=True),
    "monitoring": PlatformNamespace(
        name="monitoring",
        scrapes=True,
        has_ingress=True,
        entrances=(entrance("prometheus"), entrance("alertmanager"), "pushgateway"),
    ),
    "kubeflow": PlatformNamespace(
        name="kubeflow", runs_steps=True, has_ingress=True, entrances=(entrance("kubeflow"),)
    ),
    "airflow": PlatformNamespace(name="airflow", runs_steps=True, has_ingress=True),
    "cnpg-system": PlatformNamespace(name="cnpg-system", webhooks=9443),
}


HOMES: Mapping[str, str] = {
    **{"prometheus": "monitoring", "pushgateway": "monitoring", "cloudnative-pg": "cnpg-system"},
    **{"kubeflow": "kubeflow", "airflow": "airflow"},
}
"""The namespace of each service that isn't in `OWN`."""


class ClusterService(pulumi.ComponentResource):
    """A service on the cluster: objects, an address, and what it adds to the outputs.

    Attributes:
        url: its address from inside the cluster.
        ends: what those wait for who stand on it.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: ClusterServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the objects."""
        super().__init__(f"atlas:kubernetes:{args.kind}", name, None, opts)
        made = declare_objects(
            self, args.manifests, args.declared, skip_await=args.skip_await, after=args.after
        )
        self.ends = ends(args.manifests, made)
        self.url = pulumi.Output.from_input(args.url)
        self.services: Mapping[str, pulumi.Input[ServiceOutput]] = dict(args.services)
        self.register_outputs({"url": self.url})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterServiceArgs:
    """What a service is made of.

    Attributes:
        kind: what the component is, the last part of its type.
        manifests: its objects, patched; values may be outputs.
        url: its address from inside the cluster.
        declared: what has been declared before it.
        services: what it adds to the platform's outputs, by name.
        skip_await: whether to wait for nothing to become ready.
        after: what has to be there before anything of it runs; that a component waits for
            something isn't enough, its children don't.
    """

    kind: str
    manifests: Sequence[Manifest]
    url: pulumi.Input[str]
    declared: DeclaredObjects
    services: Mapping[str, pulumi.Input[ServiceOutput]] = field(default_factory=dict)
    skip_await: bool = False
    after: Sequence[pulumi.Resource] = ()


class DeclareOnCluster(Protocol):
    """Declares the resources of one service."""

    def __call__(self, platform: ClusterPlatform) -> ClusterService:
        """Declare a service."""


@dataclass(frozen=True)
class ClusterPlatform:
    """The platform that is being declared, as its services see it.

    Attributes:
        settings: the stack's settings.
        cluster: the provider of the cluster.
        declared: what has been declared of it, the namespaces first.
    """

    settings: ClusterSettings
    cluster: pulumi.ProviderResource
    declared: DeclaredObjects
    _services: dict[str, ClusterService | None] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Tell whether the platform has a service, of its own or somebody else's."""
        return name not in self.settings.switched_off

    def url(self, name: str, user: str) -> pulumi.Output[str]:
        """Return the address of a service from inside the cluster.

        Raises:
            pulumi.RunError: the service that needs it can't do without.
        """
        if not self.has(name):
            raise pulumi.RunError(
                f"atlas:{name}: found false; expected it, or the URL of your own, for {user}: "
                f"switch that off as well (atlas:{user}: false) or leave this on"
            )
        elsewhere = self.settings.elsewhere.get(name)
        own = self.service(name)
        return pulumi.Output.from_input(elsewhere or "") if own is None else own.url

    def service(self, name: str) -> ClusterService | None:
        """Return a service of the platform's own, declared when it is first asked for."""
        if name not in self._services:
            is_own = self.settings.owns(name)
            module, _, attribute = SERVICES[name].partition(":")
            declare = cast("DeclareOnCluster", getattr(import_module(module), attribute))
            self._services[name] = declare(self) if is_own else None
        return self._services[name]

    def rendered(self, service: str, name: str) -> list[Manifest]:
        """Return the official objects of a service, as they are pinned.

        Raises:
            pulumi.RunError: they can't be had, or aren't those that are pinned.
        """
        return self.settings.manifests.objects(pinned(service)[name])

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
        """Declare the component of a service.

        Args:
            name: the service's name.
            kind: what the component is.
            manifests: its objects, before the patches that all services have.
            url: its address from inside the cluster.
            services: what it adds to the outputs.
            after: services that have to be there first, where they are the platform's own.
        """
        first = [found for one in after if (found := self.service(one))]
        args = ClusterServiceArgs(
            kind=kind,
            manifests=patched(self.settings, manifests),
            url=url,
            declared=self.declared,
            services=services or {},
            skip_await=self.settings.skip_await,
            after=[end for one in first for end in one.ends],
        )
        return ClusterService(name, args, pulumi.ResourceOptions(providers=[self.cluster]))

    def output(self, name: str, url: str, credentials: str | None, **more: Any) -> ServiceOutput:
        """Return what a service adds to the outputs: from outside it is at its host, if any."""
        host = self.settings.ingress.host(name)
        return ServiceOutput(
            kind=KINDS.get(name, name),
            url=f"https://{host}" if host else url,
            workload_url=url,
            credentials=credentials,
            **more,
        )

    def services(self) -> dict[str, pulumi.Input[ServiceOutput]]:
        """Declare every service; return what they add to the platform's outputs."""
        found: dict[str, pulumi.Input[ServiceOutput]] = {}
        for name in SERVICES:
            own = self.service(name)
            if own is not None:
                found |= own.services
            elif self.has(name) and name not in INTERNAL:
                found[name] = self._elsewhere(name)
        return found

    def _elsewhere(self, name: str) -> ServiceOutput:
        """Return the output of a service that somebody else runs."""
        tasks = {"tasks": "kubernetes"} if name == "airflow" else {}
        return ServiceOutput.at(
            KINDS.get(name, name),
            self.settings.elsewhere[name],
            credentials=self.settings.credentials.get(name),
            **tasks,
        )


def pinned(service: str) -> dict[str, Rendering]:
    """Return the renderings of a service, by name."""
    return renderings(ServiceData.folder(service))


def patched(settings: ClusterSettings, manifests: Sequence[Manifest]) -> list[Manifest]:
    """Return objects with what every service gets: limits, rights, volumes, images, labels."""
    size = settings.size
    steps: list[Callable[[list[Manifest]], list[Manifest]]] = [
        without_descriptions,
        lambda found: patches.with_resources(found, size.containers, size.default),
        patches.restricted,
        lambda found: patches.with_storage(found, settings.storage_class, size.volumes),
        settings.images.patch,
        lambda found: patches.with_pull_secret(found, settings.pull_secret),
        lambda found: patches.with_account_annotations(found, settings.accounts),
        lambda found: patches.with_labels(found, {"app.kubernetes.io/part-of": "atlas"}),
    ]
    found = list(manifests)
    for step in steps:
        found = step(found)
    return found
