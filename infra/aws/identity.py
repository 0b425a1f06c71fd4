"""Roles of pods: each ServiceAccount has its own, by EKS Pod Identity or by IRSA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks, iam

from infra.aws import documents

if TYPE_CHECKING:
    from collections.abc import Sequence

ANNOTATION = "eks.amazonaws.com/role-arn"
"""The annotation by which a ServiceAccount has a role, with IRSA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRoleArgs:
    """What a role of pods is.

    Attributes:
        cluster_name: name of the cluster.
        accounts: the ServiceAccounts that have it, each ``namespace/name``.
        policy: what it may do; None where that is `managed` alone.
        managed: ARNs of policies that AWS manages.
        issuers: with IRSA, who vouches for the cluster's ServiceAccounts; None for Pod Identity.
        associated: whether the association is declared here, and not by an add-on.
    """

    cluster_name: pulumi.Input[str]
    accounts: Sequence[str]
    policy: pulumi.Input[str] | None = None
    managed: Sequence[str] = ()
    issuers: TokenIssuer | None = None
    associated: bool = True


class TokenIssuer(pulumi.ComponentResource):
    """The cluster as one whose word IAM takes for who a pod is: for IRSA.

    Attributes:
        provider_arn: ARN of the OpenID Connect provider.
        issuer: URL of the cluster's issuer.
    """

    provider_arn: pulumi.Output[str]
    issuer: pulumi.Output[str]

    def __init__(
        self, name: str, issuer: pulumi.Output[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the provider."""
        super().__init__("atlas:aws:TokenIssuer", name, None, opts)
        provider = iam.OpenIdConnectProvider(
            name,
            url=issuer,
            client_id_lists=["sts.amazonaws.com"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.provider_arn, self.issuer = provider.arn, issuer
        self.register_outputs({"provider_arn": self.provider_arn, "issuer": self.issuer})


class PodRole(pulumi.ComponentResource):
    """A role that pods of some ServiceAccounts have.

    Attributes:
        arn: its ARN.
        associations: what gives it to the accounts; nothing with IRSA, where they are annotated.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: PodRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the role."""
        super().__init__("atlas:aws:PodRole", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        role = iam.Role(name, assume_role_policy=_trust(args), opts=own)
        rights: list[pulumi.Resource] = [
            iam.RolePolicyAttachment(f"{name}-{n}", role=role.name, policy_arn=one, opts=own)
            for n, one in enumerate(args.managed)
        ]
        if args.policy is not None:
            rights.append(iam.RolePolicy(name, role=role.name, policy=args.policy, opts=own))
        wanted = args.accounts if args.associated and args.issuers is None else ()
        after = pulumi.ResourceOptions(parent=self, depends_on=rights)
        self.associations: list[pulumi.Resource] = [
            eks.PodIdentityAssociation(
                f"{name}-{one.replace('/', '-')}",
                cluster_name=args.cluster_name,
                namespace=one.partition("/")[0],
                service_account=one.partition("/")[2],
                role_arn=role.arn,
                opts=after,
            )
            for one in wanted
        ]
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})


def _trust(args: PodRoleArgs) -> pulumi.Input[str]:
    """Return who may take a role."""
    if args.issuers is None:
        return documents.pods_trust()
    known = pulumi.Output.all(args.issuers.provider_arn, args.issuers.issuer)
    accounts = list(args.accounts)
    return known.apply(lambda one: documents.accounts_trust(one[0], one[1], accounts))
