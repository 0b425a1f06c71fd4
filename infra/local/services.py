"""The services of a platform on one machine: the one table of them, and what they share.

To add a service: a folder with its data in ``platform/services/<name>``, a module here with its
component and what declares it, and a line in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import pulumi

from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.outputs import ServiceOutput
    from infra.settings import Settings

SERVICES: Mapping[str, str] = {
    "airflow": "infra.local.airflow:declare",
    "mlflow": "infra.local.mlflow:declare",
    "prometheus": "infra.local.prometheus:declare",
    "pushgateway": "infra.local.pushgateway:declare",
    "alertmanager": "infra.local.alertmanager:declare",
    "registry": "infra.local.registry:declare",
    "kubeflow": "infra.local.kubeflow:declare",
}
"""What declares each service, given the platform; in the order in which ports are chosen."""


class Declared(Protocol):
    """A service that is declared: a component, if it has processes of its own."""

    @property
    def services(self) -> Mapping[str, pulumi.Input[ServiceOutput]]:
        """Return what it adds to the platform's outputs, by name."""


class Declare(Protocol):
    """Declares the resources of one service."""

    def __call__(self, platform: LocalPlatform) -> Declared | None:
        """Declare a service; None where the platform goes without it."""


@dataclass(frozen=True)
class LocalPlatform:
    """The platform that is being declared, as its services see it.

    Attributes:
        settings: the stack's settings.
        ports: the ports of all services, chosen together beforehand, so that services that know
            each other's addresses start at once.
    """

    settings: Settings
    ports: pulumi.Output[Mapping[str, int]]
    _declared: dict[str, Declared | None] = field(default_factory=dict)

    def port(self, name: str) -> pulumi.Output[int]:
        """Return the port of a service."""
        return self.ports.apply(lambda chosen: int(chosen[name]))

    def url(self, name: str) -> pulumi.Output[str]:
        """Return the address that a service has on its port, before it is there."""
        return self.port(name).apply(lambda port: f"http://127.0.0.1:{port}")

    def service(self, name: str) -> Declared | None:
        """Return a service, declared when it is first asked for; None where there is none.

        Raises:
            pulumi.RunError: something that it needs isn't on this machine.
        """
        if name not in self._declared:
            module, _, attribute = SERVICES[name].partition(":")
            declare = cast("Declare", getattr(import_module(module), attribute))
            self._declared[name] = declare(self) if self.is_wanted(name) else None
        return self._declared[name]

    def is_wanted(self, name: str) -> bool:
        """Tell whether the settings leave a service in; what has no port takes nothing, and stays.

        Raises:
            pulumi.RunError: there is no service of a name that they choose.
        """
        chosen, known = self.settings.chosen, listening()
        unknown = sorted(chosen.difference(known))
        if unknown:
            raise pulumi.RunError(
                f"atlas:services: found '{unknown[0]}'; expected some of {', '.join(known)}"
            )
        is_left_out = bool(chosen) and name in known and name not in chosen
        return not is_left_out and name not in self.settings.switched_off

    def has(self, name: str) -> bool:
        """Tell whether the platform has a service."""
        return self.service(name) is not None

    def services(self) -> dict[str, pulumi.Input[ServiceOutput]]:
        """Declare every service; return what they add to the platform's outputs."""
        declared = [self.service(name) for name in SERVICES]
        return {
            name: service
            for declaration in declared
            if declaration is not None
            for name, service in declaration.services.items()
        }


def listening() -> list[str]:
    """Return the names of the services that listen on a port."""
    return [name for name in SERVICES if ServiceData.load(name).listens]
