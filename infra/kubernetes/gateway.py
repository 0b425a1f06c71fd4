"""A way in that asks for a password, in front of servers that ask for none.

Prometheus's operator lets nobody set a password of Prometheus or Alertmanager, and Kubeflow
Pipelines has none for a single user. The network's policies let nothing but the gateway reach them
from other namespaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra.kubernetes.workloads import PodServer, ingress, secret, server
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.kubernetes.services import ClusterPlatform
    from infra.manifests.objects import Manifest

IMAGE = "gateway"
"""The folder with its image and its configuration."""
ACCOUNT = "atlas"
PORT = 8080
USER = 101
_FILES = "/etc/gateway"
_ROUTE = """\
    location {path} {{
      proxy_pass http://{upstream};
    }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A way in to servers of one namespace.

    Attributes:
        service: the service that it opens; the name in front of the domain.
        namespace: its namespace, and that of the servers.
        routes: path → host and port of what answers there.
    """

    service: str
    namespace: str
    routes: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return the name of its objects."""
        return entrance(self.service)

    @property
    def url(self) -> str:
        """Return its address from inside the cluster."""
        return f"http://{self.name}.{self.namespace}.svc:{PORT}"

    def public_url(self, platform: ClusterPlatform) -> str:
        """Return its address from outside of the cluster, or else that from inside."""
        host = platform.settings.ingress.host(self.service)
        return f"https://{host}" if host else self.url

    def manifests(self, platform: ClusterPlatform) -> list[Manifest]:
        """Return its objects, with the way in from outside where there is a domain."""
        settings = platform.settings
        known = pulumi.Output.all(
            settings.secrets.password(self.service), settings.secrets.salted(self.service)
        )
        files: pulumi.Output[dict[str, str]] = pulumi.Output.secret(known.apply(self._files))
        named = {name: files[name] for name in _NAMES}
        spec = self.server(settings.size.replicas, files)
        return [
            secret(self.name, self.namespace, named),
            *server(spec),
            *ingress(settings.ingress, self.service, self.namespace, self.name, PORT),
        ]

    def server(self, replicas: int, checksum: object = None) -> PodServer:
        """Return the server."""
        return PodServer(
            name=self.name,
            namespace=self.namespace,
            image=ServiceData.load(IMAGE).image,
            port=PORT,
            user=USER,
            command=("nginx", "-e", "stderr", "-g", "daemon off;", "-c", f"{_FILES}/nginx.conf"),
            probe={"httpGet": {"path": "/-/gateway", "port": PORT}},
            files={_FILES: self.name},
            replicas=replicas,
            checksum=checksum,
        )

    def _files(self, known: Sequence[str]) -> dict[str, str]:
        return self.files(*known)

    def files(
        self, password: str, salted: str, *, folder: str = _FILES, port: int | str = PORT
    ) -> dict[str, str]:
        """Return the files that it starts from, all of them secret.

        Args:
            password: what is asked for, of a browser as that of the user `ACCOUNT`, of a program
                as that or as a bearer token.
            salted: the password as nginx compares it.
            folder: where they are going to be.
            port: where it listens: a port, or ``unix:`` and a path.
        """
        text = ServiceData.load(IMAGE).text("nginx.conf")
        longest = sorted(self.routes.items(), key=lambda one: -len(one[0]))
        routes = "".join(_ROUTE.format(path=path, upstream=where) for path, where in longest)
        values = {"token": password, "files": folder, "port": str(port), "routes": routes}
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return {"nginx.conf": text, "users": f"{ACCOUNT}:{salted}\n"}


_NAMES = ("nginx.conf", "users")


def entrance(service: str) -> str:
    """Return the name of the gateway of a service."""
    return f"{service}-gateway"
