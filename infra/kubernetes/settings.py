"""The configuration of a stack whose platform is on a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
from pulumi.runtime.config import CONFIG

from infra.kubernetes import dag_access, teams
from infra.kubernetes.configuration import (
    HOST,
    host_and_port,
    name_of,
    remote,
    texts,
)
from infra.kubernetes.secrets import PlatformSecrets, checked
from infra.kubernetes.sizes import SIZES, SMALL, PlatformSize
from infra.kubernetes.teams import Team  # noqa: TC001 - a field of a dataclass
from infra.manifests.images import ImageSources
from infra.manifests.rendering import Manifests
from infra.settings import number, one_of, switch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.settings import Settings

EXECUTORS = ("LocalExecutor", "KubernetesExecutor")
OWN_NAMESPACES = ("atlas", "monitoring", "kubeflow", "airflow", "cnpg-system")
MODES = ("single-user", "multi-user")
SETTINGS = frozenset(
    {
        *("target", "state", "store", "size", "secretKey", "kubeconfig", "context", "manifests"),
        *("digests", "images", "imageDigests", "pullSecret", "storageClass", "domain", "dags"),
        *("ingressClass", "ingressNamespace", "tlsSecret", "issuer", "executor", "kubeflowMode"),
        *("kubeflowDatabase", "teams", "skipAwait", "parallelism", "openlineage"),
        *("openlineageSecret", "region", "storeIdentity", "preflight", "dagsUser", "dagsToken"),
    }
)
"""The keys that there are, beside those of the services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressSettings:
    """How the services are reached from outside of the cluster.

    Attributes:
        domain: a service is at its name in front of it; empty for no way in.
        ingress_class: the class of the ingress controller; empty for the cluster's default.
        namespace: the namespace that the controller is in.
        tls_secret: name of the secret with the certificate, in every namespace.
        issuer: cert-manager's ClusterIssuer, which makes the certificates; empty for none.
    """

    domain: str = ""
    ingress_class: str = ""
    namespace: str = "ingress-nginx"
    tls_secret: str = ""
    issuer: str = ""

    def host(self, service: str) -> str:
        """Return the host of a service; empty where there is no way in."""
        return f"{service}.{self.domain}" if self.domain else ""


@dataclass(frozen=True, slots=True)
class Reached:
    """What pods may reach outside of the cluster.

    Attributes:
        cidr: its addresses.
        port: its port.
    """

    cidr: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """A stack's settings, for a cluster.

    Attributes:
        stack: the stack's name.
        vault: where the credentials are looked for from where one deploys, a URL.
        secrets: the platform's secrets.
        size: its size.
        manifests: where rendered manifests come from.
        images: where images are pulled from.
        pull_secret: name of the secret that opens their registry; empty for none.
        storage_class: that of all volumes; empty for the cluster's default.
        ingress: how the services are reached from outside.
        executor: Airflow's executor.
        multi_user: whether Kubeflow Pipelines is in multi-user mode.
        kubeflow_database: ``host:port`` of a MySQL of one's own; empty for one in the cluster.
        parallelism: how many tasks Airflow runs at a time.
        store: URL of the artifact store.
        dags: URL of where DAG files go: ``s3://…``, or ``git+https://…#branch``.
        dags_connection: Airflow's connection to a private repository of DAG files, as JSON; None
            for one that is open to all, and for S3.
        region: the region of the store.
        teams: the teams, each of which has a namespace besides those of the platform.
        elsewhere: service → URL of what somebody else runs in its place.
        credentials: service → name of the secret that opens what somebody else runs.
        switched_off: the services that the platform goes without.
        kubeconfig: the kubeconfig, its path or its text; empty for that of `kubectl`.
        context: its context; empty for the current one.
        preflight: whether the cluster is looked at before anything is made.
        skip_await: whether to wait for nothing to become ready.
        store_identity: whether pods reach the store by the identity that their account has in the
            cloud, without keys.
        database: host of a PostgreSQL outside of the cluster whose ``postgres`` has the derived
            password; None for a server in the cluster.
        reached: what every pod may reach outside of the cluster beside ports 443 and 6443.
        accounts: ``namespace/name`` of a ServiceAccount → the annotations that it gets.
    """

    stack: str
    vault: str
    secrets: PlatformSecrets
    size: PlatformSize = SMALL
    manifests: Manifests = field(default_factory=Manifests)
    images: ImageSources = field(default_factory=ImageSources)
    pull_secret: str = ""
    storage_class: str = ""
    ingress: IngressSettings = field(default_factory=IngressSettings)
    executor: str = EXECUTORS[0]
    multi_user: bool = False
    kubeflow_database: str = ""
    parallelism: int = SMALL.parallelism
    store: str = "s3://atlas/store"
    dags: str = "s3://atlas/dags"
    dags_connection: pulumi.Output[str] | None = None
    region: str = "us-east-1"
    teams: tuple[Team, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    switched_off: frozenset[str] = frozenset()
    kubeconfig: str = ""
    context: str = ""
    preflight: bool = True
    skip_await: bool = False
    store_identity: bool = False
    database: pulumi.Input[str] | None = None
    reached: tuple[Reached, ...] = ()
    accounts: Mapping[str, Mapping[str, pulumi.Input[str]]] = field(default_factory=dict)

    def owns(self, name: str) -> bool:
        """Tell whether the platform has a service itself: neither goes without, nor names one."""
        is_needed = name != "cloudnative-pg" or self.has_operator
        return is_needed and name not in self.switched_off and name not in self.elsewhere

    @property
    def has_operator(self) -> bool:
        """Whether an operator has several PostgreSQL servers stand in for each other."""
        return self.owns("postgresql") and self.database is None and self.size.databases > 1

    @classmethod
    def read(
        cls, shared: Settings, services: Iterable[str], more: Iterable[str] = ()
    ) -> ClusterSettings:
        """Read the configuration of the stack that is being updated.

        Args:
            shared: the settings that every target has.
            services: names of the services, each of which may be off or somebody else's.
            more: keys that there are besides, read by somebody else.

        Raises:
            pulumi.RunError: a key is unknown, or a value can't be right.
        """
        config, names = pulumi.Config("atlas"), tuple(services)
        _refuse_unknown({*SETTINGS, *more, *names, *(f"{name}Secret" for name in names)})
        size = SIZES[one_of("size", config.get("size") or SMALL.name, tuple(SIZES))]
        return cls(
            stack=shared.stack,
            vault=shared.vault.as_uri(),
            secrets=PlatformSecrets(_key(config), shared.stack),
            size=size,
            manifests=_manifests(config),
            images=ImageSources(
                mirrors=texts(config, "images"), digests=texts(config, "imageDigests")
            ),
            pull_secret=name_of(config, "pullSecret"),
            storage_class=config.get("storageClass") or "",
            ingress=_ingress(config),
            executor=one_of("executor", config.get("executor") or EXECUTORS[0], EXECUTORS),
            multi_user=one_of("kubeflowMode", config.get("kubeflowMode") or MODES[0], MODES)
            == MODES[1],
            kubeflow_database=host_and_port(config, "kubeflowDatabase"),
            parallelism=number(config, "parallelism") or size.parallelism,
            store=remote(config, "store", "s3://atlas/store", ("s3",)),
            dags=remote(config, "dags", "s3://atlas/dags", ("s3", "git+https")),
            dags_connection=dag_access.connection(config),
            region=config.get("region") or "us-east-1",
            teams=teams.read(config, OWN_NAMESPACES),
            elsewhere=_elsewhere(config, names),
            credentials={n: one for n in names if (one := name_of(config, f"{n}Secret"))},
            switched_off=frozenset(n for n in names if config.get(n) == "false"),
            kubeconfig=config.get("kubeconfig") or "",
            context=config.get("context") or "",
            preflight=switch(config, "preflight") is not False,
            skip_await=switch(config, "skipAwait") or False,
            store_identity=switch(config, "storeIdentity") or False,
        )


def _refuse_unknown(known: set[str]) -> None:
    """Raise pulumi.RunError when a key of the configuration is none of Atlas's: a typo."""
    import difflib

    for key in sorted(CONFIG.get()):
        project, _, name = key.partition(":")
        if project == "atlas" and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean 'atlas:{close[0]}'?)" if close else ""
            raise pulumi.RunError(f"{key}: there is no such setting on a cluster{hint}")


def _key(config: pulumi.Config) -> pulumi.Output[str]:
    """Return the key of the platform's secrets.

    Raises:
        pulumi.RunError: there is none, or it is too short.
    """
    key = config.get_secret("secretKey")
    if key is None:
        raise pulumi.RunError(
            "atlas:secretKey: not set; expected a random text that passwords are derived from: "
            "`pulumi config set --secret atlas:secretKey $(openssl rand -hex 32)`"
        )
    checked(CONFIG.get()["atlas:secretKey"])
    return key


def _manifests(config: pulumi.Config) -> Manifests:
    """Return where rendered manifests come from.

    Raises:
        pulumi.RunError: the folder isn't absolute, or isn't there.
    """
    path = config.get("manifests")
    folder = Path(path).expanduser() if path else None
    if folder is not None and not (folder.is_absolute() and folder.is_dir()):
        raise pulumi.RunError(f"atlas:manifests: found '{path}'; expected an absolute folder")
    return Manifests(mirror=folder, digests=texts(config, "digests"))


def _ingress(config: pulumi.Config) -> IngressSettings:
    """Return how the services are reached from outside.

    Raises:
        pulumi.RunError: there is a domain and no certificate for it.
    """
    domain = config.get("domain") or ""
    tls, issuer = name_of(config, "tlsSecret"), name_of(config, "issuer")
    if domain and not HOST.fullmatch(domain):
        raise pulumi.RunError(f"atlas:domain: found '{domain}'; expected a host name")
    if domain and not (tls or issuer):
        raise pulumi.RunError(
            "atlas:domain: set without atlas:issuer (a ClusterIssuer of cert-manager's) or "
            "atlas:tlsSecret (a certificate's secret); expected one: passwords go over this way"
        )
    return IngressSettings(
        domain=domain,
        ingress_class=config.get("ingressClass") or "",
        namespace=name_of(config, "ingressNamespace") or "ingress-nginx",
        tls_secret=tls,
        issuer=issuer,
    )


def _elsewhere(config: pulumi.Config, names: Iterable[str]) -> dict[str, str]:
    """Return the addresses of services that somebody else runs.

    Raises:
        pulumi.RunError: one is neither an address nor true or false.
    """
    found = {name: config.get(name) or "true" for name in names}
    urls = {name: url for name, url in found.items() if url not in ("true", "false")}
    for name, url in urls.items():
        parts = urlsplit(url)
        if not parts.scheme or not parts.hostname or "@" in parts.netloc:
            raise pulumi.RunError(
                f"atlas:{name}: found '{url}'; expected true, false, or the URL of a service of "
                f"your own, without a user (atlas:{name}Secret names its secret)"
            )
    return urls
