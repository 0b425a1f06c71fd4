"""EKS: the cluster's control plane, who gets in, what it logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import cloudwatch, eks, iam

from infra.aws import documents
from infra.aws.addresses import SERVICES

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ADMIN = "cluster-access-policy/AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class EksClusterArgs:
    """What a cluster is.

    Attributes:
        name: its name.
        version: the version of Kubernetes.
        partition: the partition of AWS.
        managed_policy: ARN of the policy that EKS itself needs.
        subnet_ids: ids of the subnets of its nodes.
        public_access: the addresses that reach its API server over the internet; none for only
            the network's own.
        admins: ARNs of roles and users who may do everything in it, beside who makes it.
        secrets_key: ARN of the key of its Secrets.
        log_key: ARN of the key of its logs.
        log_days: days that they are kept.
        protected: whether EKS refuses to delete it.
    """

    name: str
    version: str
    partition: str
    managed_policy: str
    subnet_ids: Sequence[pulumi.Input[str]]
    public_access: Sequence[str]
    admins: Sequence[str]
    secrets_key: pulumi.Input[str]
    log_key: pulumi.Input[str]
    log_days: int
    protected: bool


class EksCluster(pulumi.ComponentResource):
    """A cluster of EKS, without nodes.

    Attributes:
        cluster_name: its name, known once it is there.
        arn: its ARN.
        endpoint: URL of its API server.
        certificate_authority: the authority of its API server, in base 64.
        security_group_id: id of the security group that its nodes and its API server are in.
        issuer: URL of the issuer of its ServiceAccounts' tokens.
    """

    cluster_name: pulumi.Output[str]
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    issuer: pulumi.Output[str]

    def __init__(
        self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the cluster."""
        super().__init__("atlas:aws:Cluster", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        # Made by EKS, it would be kept forever, and unencrypted.
        group = cloudwatch.LogGroup(
            name,
            name=f"/aws/eks/{args.name}/cluster",
            retention_in_days=args.log_days,
            kms_key_id=args.log_key,
            opts=own,
        )
        role = iam.Role(name, assume_role_policy=documents.trusts("eks.amazonaws.com"), opts=own)
        right = iam.RolePolicyAttachment(
            name, role=role.name, policy_arn=args.managed_policy, opts=own
        )
        # Until the cluster is gone its role has to be let in to what it removes.
        after = pulumi.ResourceOptions(parent=self, depends_on=[group, right])
        cluster = eks.Cluster(
            name,
            name=args.name,
            version=args.version,
            role_arn=role.arn,
            # Beyond standard support each hour of a cluster costs six times as much.
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            deletion_protection=args.protected,
            # The add-ons are resources of their own; two of each would fight.
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(LOGS),
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=True
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=args.secrets_key),
                resources=["secrets"],
            ),
            kubernetes_network_config=eks.ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=SERVICES
            ),
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.subnet_ids),
                endpoint_private_access=True,
                endpoint_public_access=bool(args.public_access),
                public_access_cidrs=list(args.public_access) or None,
            ),
            opts=after,
        )
        for number, principal in enumerate(args.admins):
            _admin(self, f"{name}-admin-{number}", cluster, principal, args.partition)
        self.cluster_name, self.arn, self.endpoint = cluster.name, cluster.arn, cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.apply(lambda one: one.data or "")
        self.security_group_id = cluster.vpc_config.apply(
            lambda one: one.cluster_security_group_id or ""
        )
        self.issuer = cluster.identities.apply(_issuer)
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "arn": self.arn,
                "endpoint": self.endpoint,
                "certificate_authority": self.certificate_authority,
                "security_group_id": self.security_group_id,
                "issuer": self.issuer,
            }
        )


def _issuer(identities: Sequence[eks.outputs.ClusterIdentity]) -> str:
    """Return the issuer of a cluster's tokens."""
    oidcs = identities[0].oidcs if identities else None
    return (oidcs[0].issuer or "") if oidcs else ""


def _admin(
    parent: EksCluster, name: str, cluster: eks.Cluster, principal: str, partition: str
) -> None:
    """Declare that a role or user may do everything in the cluster."""
    opts = pulumi.ResourceOptions(parent=parent)
    entry = eks.AccessEntry(
        name, cluster_name=cluster.name, principal_arn=principal, type="STANDARD", opts=opts
    )
    eks.AccessPolicyAssociation(
        name,
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=f"arn:{partition}:eks::aws:{_ADMIN}",
        access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
        opts=opts,
    )


def kubeconfig(name: str, endpoint: str, authority: str, region: str) -> str:
    """Return the file by which clients get in to a cluster, as whoever the AWS CLI says they are.

    Args:
        name: the cluster's name.
        endpoint: URL of its API server.
        authority: the authority of its API server, in base 64.
        region: its region.
    """
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", name]
    user = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*arguments, "--output", "json"],
        "interactiveMode": "Never",
    }
    found = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": endpoint, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": name, "user": {"exec": user}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(found, sort_keys=True)
