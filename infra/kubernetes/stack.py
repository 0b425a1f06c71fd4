"""The platform on a cluster, put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes

from infra.kubernetes import airflow, gateway, mlflow, preflight, pushgateway, registry, steps
from infra.kubernetes.namespaces import PlatformNamespace, namespace
from infra.kubernetes.objects import DeclaredObjects, declare_objects
from infra.kubernetes.rehearsal import rehearsed
from infra.kubernetes.services import HOMES, NAMESPACES, OWN, SERVICES, ClusterPlatform
from infra.kubernetes.settings import ClusterSettings
from infra.outputs import Platform, ServiceOutput

if TYPE_CHECKING:
    from infra.manifests.objects import Manifest
    from infra.settings import Settings

CREDENTIALS = {
    **{"airflow": airflow.ACCOUNT, "mlflow": mlflow.ACCOUNT, "pushgateway": pushgateway.ACCOUNT},
    **{"registry": registry.ACCOUNT, "kubeflow": gateway.ACCOUNT},
    **{"prometheus": gateway.ACCOUNT, "alertmanager": gateway.ACCOUNT},
}
"""The services that ask for a password, each with its user."""


class ClusterNamespaces(pulumi.ComponentResource):
    """The namespaces, with the policies of their network.

    Attributes:
        declared: they are in it, for what is made in them.
    """

    def __init__(
        self, name: str, args: ClusterSettings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the namespaces that the services need, and those of teams with all in them."""
        super().__init__("atlas:kubernetes:Namespaces", name, None, opts)
        found = namespace_objects(args)
        self.declared = DeclaredObjects()
        declare_objects(self, found, self.declared, skip_await=args.skip_await)
        self.register_outputs({})


def namespace_objects(settings: ClusterSettings) -> list[Manifest]:
    """Return the namespaces, their networks' policies, and what is in those of teams."""
    controller = settings.ingress.namespace
    spaces = [
        one
        for spec in namespaces(settings)
        for one in namespace(spec, settings.stack, controller, settings.reached)
    ]
    launchers = airflow.launchers(settings)
    return [*spaces, *(one for team in settings.teams for one in team.manifests(launchers))]


def namespaces(settings: ClusterSettings) -> list[PlatformNamespace]:
    """Return the namespaces of a platform: none for a service that it goes without."""
    used = {HOMES.get(name, OWN) for name in SERVICES if settings.owns(name)}
    own = [spec for name, spec in NAMESPACES.items() if name in used]
    if settings.multi_user:
        # Profiles' steps speak to its servers, which Istio's policies are in front of.
        own = [replace(one, entrances=()) if one.name == "kubeflow" else one for one in own]
    return [*own, *(team.namespace() for team in settings.teams)]


def build(shared: Settings) -> pulumi.Output[Platform]:
    """Look at the cluster, then declare the platform's resources; return its outputs.

    Raises:
        pulumi.RunError: a setting can't be right, or the cluster can't take the platform.
    """
    settings = ClusterSettings.read(shared, SERVICES)
    # Manifests that can't be had, or aren't those that are pinned, are found here.
    planned = rehearsed(settings, namespace_objects(settings))
    if settings.preflight:
        preflight.require(settings, planned)
    else:
        pulumi.log.info("atlas:preflight: false: nobody has looked whether the cluster will do")
    cluster = pulumi_kubernetes.Provider(
        "cluster",
        kubeconfig=settings.kubeconfig or None,
        context=settings.context or None,
        enable_server_side_apply=True,
        # What an `up` that was killed has made, and not written down, is the platform's.
        upsert_existing_objects=True,
    )
    return declare(shared, settings, cluster)


def declare(
    shared: Settings, settings: ClusterSettings, cluster: pulumi.ProviderResource
) -> pulumi.Output[Platform]:
    """Declare the platform's resources on a cluster; return its outputs."""
    spaces = ClusterNamespaces("namespaces", settings, pulumi.ResourceOptions(providers=[cluster]))
    platform = ClusterPlatform(settings, cluster, spaces.declared)
    services = {**platform.services(), **_folders(settings), **_elsewhere(shared)}
    found = pulumi.Output.all(**services).apply(
        lambda known: Platform(stack=settings.stack, target=shared.target, services=known)
    )
    steps.declare(platform, found, [spec.name for spec in namespaces(settings) if spec.runs_steps])
    pulumi.export("credentials", credentials(settings))
    return found


def credentials(settings: ClusterSettings) -> pulumi.Output[dict[str, dict[str, str]]]:
    """Return user and password of each service of the platform's own, as one secret."""
    own = {name: user for name, user in CREDENTIALS.items() if steps.asks(settings, name)}
    passwords = {name: settings.secrets.password(name) for name in own}
    known = pulumi.Output.all(**passwords).apply(
        lambda found: {
            name: {"username": user, "password": found[name]} for name, user in own.items()
        }
    )
    return pulumi.Output.secret(known)


def _folders(settings: ClusterSettings) -> dict[str, ServiceOutput]:
    """Return what no service has: the artifact store, and the secrets."""
    return {
        "store": ServiceOutput.at(urlsplit(settings.store).scheme, settings.store),
        "secrets": ServiceOutput.at("folder", settings.vault),
    }


def _elsewhere(shared: Settings) -> dict[str, ServiceOutput]:
    """Return what the platform only names: whoever takes OpenLineage events."""
    if not shared.openlineage:
        return {}
    secret = shared.openlineage_secret or None
    return {"openlineage": ServiceOutput.at("openlineage", shared.openlineage, credentials=secret)}
