"""The platform on AWS, put together: what the account has, and the platform of a cluster on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes

from infra.aws.account import AwsAccount, find, on_aws
from infra.aws.addons import FIRST, LAST, Addons, AddonsArgs
from infra.aws.budget import PlatformBudget, PlatformBudgetArgs
from infra.aws.cluster import EksCluster, EksClusterArgs, kubeconfig
from infra.aws.database import RdsDatabase, RdsDatabaseArgs
from infra.aws.keys import PlatformKeys, PlatformKeysArgs
from infra.aws.network import Network, NetworkArgs
from infra.aws.nodes import Nodes, NodesArgs
from infra.aws.objects import ClusterBasics, autoscaler, gpu_plugin, storage_class
from infra.aws.registry import EcrRegistry, EcrRegistryArgs
from infra.aws.roles import PlatformRoles, PlatformRolesArgs
from infra.aws.settings import SETTINGS, AwsSettings
from infra.aws.sizes import GPU
from infra.aws.store import ArtifactBucket, ArtifactBucketArgs
from infra.kubernetes import postgresql
from infra.kubernetes import stack as cluster_stack
from infra.kubernetes.rehearsal import rehearsed
from infra.kubernetes.services import SERVICES
from infra.kubernetes.settings import ClusterSettings

if TYPE_CHECKING:
    from infra.outputs import Platform
    from infra.settings import Settings

_MANAGED = (
    *("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"),
    *("AmazonEKS_CNI_Policy", "service-role/AmazonEBSCSIDriverPolicy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What everything else stands on.

    Attributes:
        aws: the stack's settings.
        place: where it is.
        keys: its keys.
        network: its network.
        opts: with the provider of AWS.
    """

    aws: AwsSettings
    place: AwsAccount
    keys: PlatformKeys
    network: Network
    opts: pulumi.ResourceOptions


def build(shared: Settings) -> pulumi.Output[Platform]:
    """Declare the platform's resources; return its outputs."""
    settings = ClusterSettings.read(shared, SERVICES, SETTINGS)
    aws = AwsSettings.read()
    place = find(aws)
    settings = on_aws(settings, aws, place)
    _rehearse(aws, settings)
    base = _base(aws, place)
    keys, opts = base.keys, base.opts
    bucket = ArtifactBucketArgs(bucket=place.bucket, key=keys.data, ephemeral=aws.ephemeral)
    store = ArtifactBucket("store", bucket, opts)
    if aws.has_registry:
        EcrRegistry("registry", EcrRegistryArgs(key=keys.data, tags=aws.all_tags), opts)
    if aws.budget:
        _budget(aws, opts)
    cluster = EksCluster("cluster", _cluster(aws, base.network, keys), opts)
    roles = PlatformRoles("roles", _roles(base, settings, cluster, store), opts)
    ready = _compute(base, cluster, roles)
    if aws.has_database:
        database = RdsDatabase("database", _database(base, settings, cluster), opts)
        settings = replace(settings, database=database.host)
        pulumi.export("databaseSecret", database.secret_arn)
    settings = replace(settings, accounts=roles.annotations)
    kubernetes = _kubernetes(aws, cluster, [*ready, *roles.associations])
    _basics(aws, settings, keys, kubernetes)
    return cluster_stack.declare(shared, settings, kubernetes)


def _rehearse(aws: AwsSettings, settings: ClusterSettings) -> None:
    """Make the cluster's objects as data, before anything is made in the account.

    Raises:
        pulumi.RunError: manifests can't be had, or aren't those that are pinned.
    """
    database = pulumi.Output.from_input("") if aws.has_database else None
    found = replace(settings, database=database)
    rehearsed(found, cluster_stack.namespace_objects(found))


def _base(aws: AwsSettings, place: AwsAccount) -> _Base:
    """Declare what everything else stands on."""
    opts = pulumi.ResourceOptions(providers=[place.provider])
    keys = PlatformKeys("keys", _keys(aws, place), opts)
    network = Network("network", _network(aws, place, keys), opts)
    return _Base(aws=aws, place=place, keys=keys, network=network, opts=opts)


def _keys(aws: AwsSettings, place: AwsAccount) -> PlatformKeysArgs:
    """Return what the keys need."""
    return PlatformKeysArgs(
        alias=aws.name,
        partition=aws.partition,
        account=place.account,
        region=aws.region,
        suffix=aws.suffix,
        protected=not aws.ephemeral,
    )


def _network(aws: AwsSettings, place: AwsAccount, keys: PlatformKeys) -> NetworkArgs:
    """Return what the network is."""
    return NetworkArgs(
        cidr=aws.cidr,
        region=aws.region,
        zones=place.zones,
        nat=aws.size.nat,
        endpoints=aws.size.endpoints,
        cluster=aws.name,
        log_key=keys.logs if aws.size.flow_logs else None,
        log_days=aws.size.log_days,
    )


def _budget(aws: AwsSettings, opts: pulumi.ResourceOptions) -> None:
    """Declare the budget."""
    args = PlatformBudgetArgs(
        dollars=aws.budget, emails=aws.budget_emails, tag=("atlas:stack", aws.stack)
    )
    PlatformBudget("budget", args, opts)


def _cluster(aws: AwsSettings, network: Network, keys: PlatformKeys) -> EksClusterArgs:
    """Return what the cluster is."""
    return EksClusterArgs(
        name=aws.name,
        version=aws.version,
        partition=aws.partition,
        managed_policy=aws.managed_policy("AmazonEKSClusterPolicy"),
        subnet_ids=network.private_subnet_ids,
        public_access=aws.public_access,
        admins=aws.admins,
        secrets_key=keys.cluster,
        log_key=keys.logs,
        log_days=aws.size.log_days,
        protected=not aws.ephemeral,
    )


def _roles(
    base: _Base, settings: ClusterSettings, cluster: EksCluster, store: ArtifactBucket
) -> PlatformRolesArgs:
    """Return what the roles of pods need."""
    aws, keys = base.aws, base.keys
    return PlatformRolesArgs(
        cluster=aws.name,
        cluster_name=cluster.cluster_name,
        issuer=cluster.issuer if aws.irsa else None,
        bucket=store.arn,
        key=keys.data,
        store=urlsplit(settings.store).path.strip("/"),
        dags=urlsplit(settings.dags).path.strip("/") if settings.dags.startswith("s3:") else "",
        teams=[one.name for one in settings.teams],
        policies={name: aws.managed_policy(name) for name in _MANAGED},
    )


def _compute(base: _Base, cluster: EksCluster, roles: PlatformRoles) -> list[pulumi.Resource]:
    """Declare nodes between the add-ons that they need and those that need them.

    Returns:
        What the cluster needs to run pods. All that runs in it is gone before any of this is.
    """
    aws, network, opts = base.aws, base.network, base.opts

    def addons(name: str, names: tuple[str, ...], after: list[pulumi.Resource]) -> Addons:
        args = AddonsArgs(
            cluster_name=cluster.cluster_name,
            names=names,
            roles=roles.addons,
            irsa=aws.irsa,
            tags=aws.all_tags,
            after=after,
        )
        return Addons(name, args, opts)

    first = addons("addons", FIRST, [])
    nodes = Nodes(
        "nodes",
        NodesArgs(
            cluster_name=cluster.cluster_name,
            version=aws.version,
            groups=aws.size.nodes,
            subnet_ids=network.private_subnet_ids,
            zones=base.place.zones,
            disk_key=base.keys.data,
            policies={name: aws.managed_policy(name) for name in _MANAGED},
            tags=aws.all_tags,
            after=[*first.addons, *network.ways_out],
        ),
        opts,
    )
    groups: list[pulumi.Resource] = list(nodes.groups.values())
    last = addons("addons-on-nodes", LAST, groups)
    return [*groups, *last.addons]


def _database(base: _Base, settings: ClusterSettings, cluster: EksCluster) -> RdsDatabaseArgs:
    """Return what the database is."""
    aws, network, keys = base.aws, base.network, base.keys
    return RdsDatabaseArgs(
        identifier=aws.name,
        machine=aws.size.database,
        storage=aws.size.database_storage,
        standby=aws.size.standby,
        backup_days=aws.size.backup_days,
        vpc_id=network.vpc_id,
        subnet_ids=network.database_subnet_ids,
        clients=cluster.security_group_id,
        password=settings.secrets.password(postgresql.of(postgresql.NAME)),
        key=keys.data,
        log_key=keys.logs,
        log_days=aws.size.log_days,
        ephemeral=aws.ephemeral,
    )


def _kubernetes(
    aws: AwsSettings, cluster: EksCluster, after: list[pulumi.Resource]
) -> pulumi_kubernetes.Provider:
    """Declare the provider of the cluster; another address of it isn't another cluster."""
    known = pulumi.Output.all(cluster.cluster_name, cluster.endpoint, cluster.certificate_authority)
    return pulumi_kubernetes.Provider(
        "cluster",
        kubeconfig=known.apply(lambda one: kubeconfig(one[0], one[1], one[2], aws.region)),
        cluster_identifier=cluster.arn,
        enable_server_side_apply=True,
        # What an `up` that was killed has made, and not written down, is the platform's.
        upsert_existing_objects=True,
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def _basics(
    aws: AwsSettings,
    settings: ClusterSettings,
    keys: PlatformKeys,
    kubernetes: pulumi_kubernetes.Provider,
) -> None:
    """Declare what the cluster needs besides the platform."""
    found = [storage_class(keys.data), *autoscaler(aws.name, aws.region, aws.version)]
    if GPU in aws.size.nodes:
        found.append(gpu_plugin())
    opts = pulumi.ResourceOptions(providers=[kubernetes])
    ClusterBasics("basics", found, opts, skip_await=settings.skip_await)
