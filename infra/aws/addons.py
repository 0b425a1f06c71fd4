"""EKS's add-ons: some before there are nodes, the others after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCOUNTS = {"vpc-cni": "aws-node", "aws-ebs-csi-driver": "ebs-csi-controller-sa"}
"""The ServiceAccounts in `kube-system` of the add-ons that have a role."""
FIRST = ("eks-pod-identity-agent", "vpc-cni", "kube-proxy")
"""What nodes need to become ready. Gone before its nodes, the network plugin would leave their
interfaces behind, and these would keep the subnets."""
LAST = ("coredns", "aws-ebs-csi-driver", "metrics-server")
"""What runs on nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonsArgs:
    """What add-ons there are.

    Attributes:
        cluster_name: name of the cluster.
        names: the add-ons.
        roles: ARN of the role of an add-on.
        irsa: whether roles are had by IRSA, and not by Pod Identity.
        tags: tags of the volumes that are made for pods.
        after: what has to be there before.
    """

    cluster_name: pulumi.Input[str]
    names: Sequence[str]
    roles: Mapping[str, pulumi.Input[str]]
    irsa: bool
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource] = ()


class Addons(pulumi.ComponentResource):
    """Add-ons of a cluster, of the version that EKS has for the cluster's.

    Attributes:
        addons: the add-ons.
    """

    def __init__(
        self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the add-ons."""
        super().__init__("atlas:aws:Addons", name, None, opts)
        after = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        self.addons: list[pulumi.Resource] = [
            eks.Addon(
                one,
                cluster_name=args.cluster_name,
                addon_name=one,
                configuration_values=configuration(one, args.tags),
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                service_account_role_arn=args.roles.get(one) if args.irsa else None,
                pod_identity_associations=None if args.irsa else _associations(one, args.roles),
                opts=after,
            )
            for one in args.names
        ]
        self.register_outputs({})


def configuration(addon: str, tags: Mapping[str, str]) -> str | None:
    """Return how an add-on is set up; None for how it comes.

    Args:
        addon: the add-on.
        tags: tags of the volumes that are made for pods.
    """
    found = {
        "vpc-cni": {"enableNetworkPolicy": "true"},
        "aws-ebs-csi-driver": {"controller": {"extraVolumeTags": dict(tags)}},
    }
    return json.dumps(found[addon], sort_keys=True) if addon in found else None


def _associations(
    addon: str, roles: Mapping[str, pulumi.Input[str]]
) -> list[eks.AddonPodIdentityAssociationArgs] | None:
    """Return what gives an add-on's account its role."""
    if addon not in roles:
        return None
    return [
        eks.AddonPodIdentityAssociationArgs(role_arn=roles[addon], service_account=ACCOUNTS[addon])
    ]
