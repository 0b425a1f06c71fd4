"""ECR: repositories that are made when an image is pushed, encrypted, with a lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import ecr, iam

from infra.aws import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "atlas"
"""The repositories of steps' images are below it."""
_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrRegistryArgs:
    """What a registry is.

    Attributes:
        key: ARN of the key of its images.
        tags: tags of its repositories.
    """

    key: pulumi.Input[str]
    tags: Mapping[str, str]


class EcrRegistry(pulumi.ComponentResource):
    """How repositories of steps' images are made; they are the account's, and outlive the stack."""

    def __init__(
        self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the template of repositories."""
        super().__init__("atlas:aws:Registry", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        role = iam.Role(name, assume_role_policy=documents.trusts("ecr.amazonaws.com"), opts=own)
        makes = ["ecr:CreateRepository", "ecr:TagResource", "ecr:PutLifecyclePolicy"]
        uses = ["kms:CreateGrant", "kms:RetireGrant", "kms:DescribeKey"]
        policy = pulumi.Output.from_input(args.key).apply(
            lambda key: documents.document(
                documents.allow(makes, [f"arn:*:ecr:*:*:repository/{PREFIX}/*"]),
                documents.allow(uses, [key]),
            )
        )
        right = iam.RolePolicy(name, role=role.name, policy=policy, opts=own)
        ecr.RepositoryCreationTemplate(
            name,
            prefix=PREFIX,
            description="Images of pipelines' steps",
            applied_fors=["CREATE_ON_PUSH", "PULL_THROUGH_CACHE"],
            custom_role_arn=role.arn,
            encryption_configurations=[
                ecr.RepositoryCreationTemplateEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=args.key
                )
            ],
            image_tag_mutability="MUTABLE",
            lifecycle_policy=documents.lifecycle(_KEPT),
            resource_tags=dict(args.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[right]),
        )
        self.register_outputs({})
