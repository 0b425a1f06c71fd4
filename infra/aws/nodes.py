"""Groups of nodes: those of every zone, those with GPUs, and those that AWS may take back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import ec2, eks, iam

from infra.aws import documents
from infra.aws.machines import ami_type
from infra.aws.sizes import CPU, GPU, SPOT, NodeGroupSize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LABEL = "atlas/nodes"
"""The label of nodes: the group that they are of."""
SPOT_TAINT = "atlas/spot"
GPU_TAINT = "nvidia.com/gpu"
_MANAGED = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesArgs:
    """What the nodes are.

    Attributes:
        cluster_name: name of the cluster.
        version: the version of Kubernetes.
        groups: size of each group, by its name.
        subnet_ids: ids of their subnets, one a zone.
        zones: the zones, in the same order.
        disk_key: ARN of the key of their disks.
        policies: ARN of a policy that AWS manages, by its name.
        tags: tags of machines and disks, which get none of the provider's.
        after: what has to be there longer than they are.
    """

    cluster_name: pulumi.Input[str]
    version: str
    groups: Mapping[str, NodeGroupSize]
    subnet_ids: Sequence[pulumi.Input[str]]
    zones: Sequence[str]
    disk_key: pulumi.Input[str]
    policies: Mapping[str, str]
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource]


class Nodes(pulumi.ComponentResource):
    """The nodes of a cluster.

    `cpu` is a group a zone: a volume is in one zone, so each zone keeps a node.

    Attributes:
        role_arn: ARN of the nodes' role.
        groups: the groups, by name.
    """

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the groups."""
        super().__init__("atlas:aws:Nodes", name, None, opts)
        self._args = args
        self._role = iam.Role(
            name,
            assume_role_policy=documents.trusts("ec2.amazonaws.com"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._rights = [
            iam.RolePolicyAttachment(
                f"{name}-{one}",
                role=self._role.name,
                policy_arn=args.policies[one],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for one in _MANAGED
        ]
        self.groups: dict[str, eks.NodeGroup] = {}
        for kind, size in args.groups.items():
            template = self._template(f"{name}-{kind}", kind, size)
            for group, subnets in self._places(kind).items():
                self.groups[group] = self._group(f"{name}-{group}", kind, size, template, subnets)
        self.role_arn = self._role.arn
        self.register_outputs({"role_arn": self.role_arn})

    def _places(self, kind: str) -> dict[str, list[pulumi.Input[str]]]:
        """Return the groups of a kind, each with its subnets."""
        subnets = list(self._args.subnet_ids)
        if kind != CPU:
            return {kind: subnets}
        return {
            f"{kind}-{zone[-1]}": [subnet]
            for zone, subnet in zip(self._args.zones, subnets, strict=True)
        }

    def _template(self, name: str, kind: str, size: NodeGroupSize) -> ec2.LaunchTemplate:
        """Declare what every machine of a kind is like."""
        tags = {**self._args.tags, "Name": name, LABEL: kind}
        return ec2.LaunchTemplate(
            name,
            # A pod is a hop further away: it gets at no credentials of its node.
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=size.disk,
                        volume_type="gp3",
                        encrypted="true",
                        kms_key_id=self._args.disk_key,
                        delete_on_termination="true",
                    ),
                )
            ],
            monitoring=ec2.LaunchTemplateMonitoringArgs(enabled=True),
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(resource_type=one, tags=tags)
                for one in ("instance", "volume", "network-interface")
            ],
            update_default_version=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _group(
        self,
        name: str,
        kind: str,
        size: NodeGroupSize,
        template: ec2.LaunchTemplate,
        subnets: list[pulumi.Input[str]],
    ) -> eks.NodeGroup:
        """Declare a group. How many nodes it has at the moment is the autoscaler's to say."""
        opts = pulumi.ResourceOptions(
            parent=self,
            depends_on=[*self._args.after, *self._rights],
            ignore_changes=["scalingConfig.desiredSize"],
        )
        return eks.NodeGroup(
            name,
            cluster_name=self._args.cluster_name,
            node_role_arn=self._role.arn,
            subnet_ids=subnets,
            version=self._args.version,
            instance_types=list(size.types),
            ami_type=ami_type(size.types, gpu=kind == GPU),
            capacity_type="SPOT" if kind == SPOT else "ON_DEMAND",
            launch_template=eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=eks.NodeGroupScalingConfigArgs(
                min_size=size.least, max_size=size.most, desired_size=size.least
            ),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            node_repair_config=eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            labels={LABEL: kind},
            taints=[
                eks.NodeGroupTaintArgs(key=key, value="true", effect="NO_SCHEDULE")
                for key in _taints(kind)
            ],
            opts=opts,
        )


def _taints(kind: str) -> list[str]:
    """Return what keeps pods off nodes that don't ask for them."""
    return {GPU: [GPU_TAINT], SPOT: [SPOT_TAINT]}.get(kind, [])
