"""What steps need of the platform in the namespaces that they run in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi

from infra.kubernetes import airflow, gateway, mlflow, object_store, pushgateway
from infra.kubernetes.objects import declare_objects
from infra.kubernetes.workloads import config_map, secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infra.kubernetes.objects import DeclaredObjects
    from infra.kubernetes.services import ClusterPlatform
    from infra.kubernetes.settings import ClusterSettings
    from infra.manifests.objects import Manifest
    from infra.outputs import Platform

NAME = "atlas-platform"
FOLDER = "/var/run/secrets/atlas"
"""Where steps find the files of the Secret."""
ACCOUNTS = {"mlflow": mlflow.ACCOUNT, "pushgateway": pushgateway.ACCOUNT}
"""The services that steps sign in to, each with its user."""
RETRAINING = "atlas-retraining"
RETRAINING_FOLDER = "/var/run/secrets/atlas-retraining"
"""Where the tasks of a monitor, and no others, find what starts training."""
ORCHESTRATORS = {"airflow": airflow.ACCOUNT, "kubeflow": gateway.ACCOUNT}
"""What training is started on, each with its user."""


class StepEnvironment(pulumi.ComponentResource):
    """The ConfigMap and the Secret `atlas-platform` of each namespace that steps run in."""

    def __init__(
        self,
        name: str,
        args: Sequence[Manifest],
        opts: pulumi.ResourceOptions | None = None,
        *,
        declared: DeclaredObjects,
    ) -> None:
        """Declare the objects."""
        super().__init__("atlas:kubernetes:Steps", name, None, opts)
        declare_objects(self, args, declared)
        self.register_outputs({})


def declare(
    platform: ClusterPlatform, outputs: pulumi.Output[Platform], namespaces: Sequence[str]
) -> StepEnvironment:
    """Declare what steps need, in each namespace that they run in."""
    settings = platform.settings
    own = [name for name in ACCOUNTS if platform.service(name) is not None]
    store = platform.service("object-store")
    endpoint = store.url if store is not None else pulumi.Output.from_input("")
    known = pulumi.Output.all(outputs, endpoint).apply(
        lambda found: variables(found[0], found[1], settings.region, own)
    )
    passwords = {name: settings.secrets.password(name) for name in own}
    files: dict[str, pulumi.Input[str]] = {
        f"{name}.json": pulumi.Output.secret(password.apply(_signs_in(ACCOUNTS[name])))
        for name, password in passwords.items()
    }
    if store is not None:
        key = settings.secrets.password(object_store.NAME)
        files["aws"] = pulumi.Output.secret(key.apply(aws_file))
    objects = [
        one
        for space in namespaces
        for one in (
            {**config_map(NAME, space, {}), "data": known},
            secret(NAME, space, files),
        )
    ]
    if airflow.NAMESPACE in namespaces:
        objects += _retraining(platform, outputs)
    return StepEnvironment(
        "steps",
        objects,
        pulumi.ResourceOptions(providers=[platform.cluster]),
        declared=platform.declared,
    )


def _retraining(platform: ClusterPlatform, outputs: pulumi.Output[Platform]) -> list[Manifest]:
    """Return what the tasks of monitors start training with: Airflow runs them in its namespace."""
    settings = platform.settings
    own = [name for name in ORCHESTRATORS if asks(settings, name)]
    files: dict[str, pulumi.Input[str]] = {
        f"{name}.json": pulumi.Output.secret(
            settings.secrets.password(name).apply(_signs_in(ORCHESTRATORS[name]))
        )
        for name in own
    }
    data = outputs.apply(lambda found: retraining_variables(found, own))
    return [
        {**config_map(RETRAINING, airflow.NAMESPACE, {}), "data": data},
        secret(RETRAINING, airflow.NAMESPACE, files),
    ]


def asks(settings: ClusterSettings, name: str) -> bool:
    """Tell whether a service is the platform's own, and asks for a password that it derives."""
    if name == "kubeflow" and settings.multi_user:
        return False
    return settings.owns({"alertmanager": "prometheus"}.get(name, name))


def retraining_variables(platform: Platform, own: Sequence[str]) -> dict[str, str]:
    """Return the variables by which the tasks of a monitor know what to start training on.

    Args:
        platform: its outputs.
        own: the services whose passwords are in the Secret.
    """
    found = {}
    for name in ORCHESTRATORS:
        if name not in platform.services:
            continue
        service, prefix = platform.services[name], f"ATLAS_{name.upper()}"
        found[f"{prefix}_URL"] = service.workload_url
        if name in own:
            found[f"{prefix}_CREDENTIALS"] = f"{RETRAINING_FOLDER}/{name}.json"
        if service.namespace:
            found[f"{prefix}_NAMESPACE"] = service.namespace
    return found


def variables(platform: Platform, endpoint: str, region: str, own: Sequence[str]) -> dict[str, str]:
    """Return the variables by which steps know the platform.

    Args:
        platform: its outputs.
        endpoint: address of its own S3 server; empty for none.
        region: the region of the store.
        own: the services whose passwords are in the Secret.
    """
    services = platform.services
    asked = [name for name in ("mlflow", "pushgateway", "openlineage") if name in services]
    found = {"ATLAS_STORE": services["store"].workload_url}
    for name in asked:
        found[f"ATLAS_{name.upper()}_URL"] = services[name].workload_url
        if name in own:
            found[f"ATLAS_{name.upper()}_CREDENTIALS"] = f"{FOLDER}/{name}.json"
    if urlsplit(found["ATLAS_STORE"]).scheme == "s3":
        found["AWS_DEFAULT_REGION"] = region
    if endpoint:
        found |= {"AWS_ENDPOINT_URL": endpoint, "AWS_SHARED_CREDENTIALS_FILE": f"{FOLDER}/aws"}
    return found


def _signs_in(user: str) -> Callable[[str], str]:
    """Return what makes the file of a user from a password."""
    return lambda password: json.dumps({"username": user, "password": password})


def aws_file(key: str) -> str:
    """Return the file by which clients of S3 sign in."""
    return (
        f"[default]\naws_access_key_id = {object_store.ACCESS_KEY}\naws_secret_access_key = {key}\n"
    )
