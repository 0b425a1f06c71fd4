"""The platform that a deployment goes to, as its outputs describe it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.advice import bring_up, note_target
from atlas.environment import find_project
from atlas.errors import PlatformError
from atlas.http.service import Service
from atlas.load.outputs import of_environment, require_version
from atlas.uris import path_of
from atlas_deploy.platforms import lifecycle
from atlas_deploy.platforms.references import follow, follow_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project
    from atlas.images import ImageRegistry
    from atlas.tracking.mlflow import MlflowTracker
    from atlas_provider.prometheus import Prometheus

_OK = 200
REGISTRY = "registry"
"""The service that has images."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a platform.

    Attributes:
        platform: the platform's name, for messages.
        by_name: service by name, as the outputs have them.
    """

    platform: str
    by_name: Mapping[str, Mapping[str, Any]]

    @property
    def store(self) -> str:
        """URL of the artifact store."""
        return self.url("store")

    def has(self, name: str) -> bool:
        """Tell whether there is a service of that name."""
        return name in self.by_name

    def kind(self, name: str) -> str:
        """Return what a service is."""
        return str(self._service(name)["kind"])

    def url(self, name: str) -> str:
        """Return a service's address, from here."""
        return str(self._service(name)["url"]).rstrip("/")

    def credentials(self, name: str) -> str:
        """Return the name of the secret that opens a service; empty for none."""
        return str(self._service(name)["credentials"] or "")

    def opened(self, name: str) -> dict[str, str]:
        """Return the inputs by which a resource signs in to a service; none where it is open."""
        secret = self.credentials(name)
        return {"secrets": self.url("secrets"), "credentials": secret} if secret else {}

    def mlflow(self) -> MlflowTracker:
        """Return MLflow, with the platform's credentials."""
        from atlas_provider.models import mlflow_of

        return mlflow_of({"mlflow": self.url("mlflow"), **self.opened("mlflow")})

    def prometheus(self) -> Prometheus:
        """Return Prometheus, with the platform's credentials."""
        from atlas_provider.prometheus import Prometheus

        return Prometheus(self.url("prometheus"), **self.opened("prometheus"))

    def detail(self, name: str, setting: str) -> Any:
        """Return what a service's outputs say besides, such as a namespace; None for nothing."""
        return self._service(name).get(setting)

    def addresses(self, kind: str) -> dict[str, str]:
        """Return the inputs by which a resource of a kind finds the platform."""
        from atlas_deploy.platforms.deployed_kinds import addresses

        return addresses(kind, self)

    def require_alive(self, name: str, path: str) -> None:
        """Ask a service whether it is there: a GET of a path that answers 200.

        Raises:
            PlatformError: it isn't.
        """
        url = self.url(name)
        try:
            status = Service(name, url).send("GET", path).status
        except PlatformError as error:
            raise PlatformError(
                f"platform {self.platform}: {name} is down ({error}); {bring_up('brings it back')}"
            ) from error
        if status != _OK:
            raise PlatformError(
                f"platform {self.platform}: {name} at {url} answers {status}; "
                f"{bring_up('repairs it')}"
            )

    def registry(self) -> ImageRegistry:
        """Return the registry of images, with its credentials: a secret, or the standard files."""
        from atlas.images import ImageRegistry

        name = self.credentials(REGISTRY)
        secret = path_of(self.url("secrets")) / f"{name}.json" if name else None
        return ImageRegistry.at(self.url(REGISTRY), secret)

    def _service(self, name: str) -> Mapping[str, Any]:
        """Return a service's outputs.

        Raises:
            PlatformError: the platform has no such service.
        """
        service = self.by_name.get(name)
        if service is None:
            has = ", ".join(sorted(self.by_name)) or "none"
            raise PlatformError(
                f"platform {self.platform}: has no {name}; its services are {has}; "
                + bring_up("of this Atlas adds what an older one didn't stand up")
            )
        return service


def services_of(project: Project, environment: Environment) -> Services:
    """Return the services of the platform that an Environment names.

    Raises:
        PlatformError: there is no such platform, its outputs can't be read, or they are of another
            version than this Atlas reads.
    """
    follow(project, environment, needed=True)
    if not environment.outputs:
        outputs = lifecycle.outputs(project.state, environment.platform)
        return _services(environment, outputs, bring_up("brings it up again"))
    file = project.root / environment.outputs
    try:
        outputs = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(file, environment.name, error) from error
    return _services(environment, outputs, f"environment {environment.name} names this file")


def services_named(stack: str) -> Services:
    """Return the services of a platform, by its stack's name or the file with its outputs.

    Raises:
        PlatformError: there is no such platform, or its outputs can't be read.
    """
    project = find_project()
    if stack.endswith(".json"):
        try:
            outputs = json.loads(Path(stack).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PlatformError(
                f"{stack}: no outputs of a platform can be read: {error}"
            ) from error
    else:
        follow_stack(project, stack)
        outputs = lifecycle.outputs(project.state, stack)
    if not isinstance(outputs, dict) or not isinstance(outputs.get("services"), dict):
        raise PlatformError(f"{stack}: no outputs of a platform: no services in it")
    require_version(outputs, stack, "")
    note_target(outputs.get("target", ""))
    return Services(stack, outputs["services"])


def _services(environment: Environment, outputs: Any, hint: str) -> Services:
    """Return the services of a platform's outputs.

    Raises:
        PlatformError: D015, the outputs aren't of the version that this Atlas reads.
    """
    platform = environment.outputs or environment.platform
    if not isinstance(outputs, dict) or not isinstance(outputs.get("services"), dict):
        raise PlatformError(f"{platform}: no outputs of a platform: no services in it; {hint}")
    require_version(outputs, platform, hint)
    note_target(outputs.get("target", ""))
    return Services(platform, of_environment(outputs["services"], environment))


def _unreadable(file: Path, environment: str, error: Exception) -> PlatformError:
    """Return the error of a hand-written outputs file that can't be read."""
    return PlatformError(
        f"{file}: no outputs of a platform can be read ({error}); environment {environment} names "
        "this file"
    )
