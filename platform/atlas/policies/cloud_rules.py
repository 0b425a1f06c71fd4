"""Policies about addresses, encryption and tags, in a cluster and on AWS: K006, K007, K012."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.policies.resource import items, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_GROUPS = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
)
ANYWHERE = ("0.0.0.0/0", "::/0")
_ENCRYPTED = {
    "aws:rds/instance:Instance": "storageEncrypted",
    "aws:rds/cluster:Cluster": "storageEncrypted",
    "aws:ebs/volume:Volume": "encrypted",
    "aws:efs/fileSystem:FileSystem": "encrypted",
    "aws:eks/cluster:Cluster": "encryptionConfig",
    "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
}
"""Type → the input by which its data is encrypted."""
_TAGGED = (
    "aws:ec2/vpc:Vpc",
    "aws:s3/bucket:Bucket",
    "aws:ecr/repository:Repository",
    "aws:kms/key:Key",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/subnet:Subnet",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:secretsmanager/secret:Secret",
)
_EBS = ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs")
"""What makes volumes of EBS."""
PART_OF = "app.kubernetes.io/part-of"
_LABELLED = ("Namespace", "Deployment", "StatefulSet", "DaemonSet")


def address_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K006 for each rule that lets every address of the internet in."""
    for path, found in _sources(resource):
        if found in ANYWHERE:
            yield resource.problem(
                "K006",
                path,
                f"everybody on the internet gets in ({found})",
                found=found,
                expected="the addresses that need to",
            )


def _sources(resource: PlannedResource) -> Iterator[tuple[str, str]]:
    """Return what is let in, by where it says so."""
    if not resource.is_object:
        yield from _cloud_sources(resource)
    elif resource.type == "NetworkPolicy":
        for number, rule in enumerate(map(mapping, items(resource.spec.get("ingress")))):
            for peer in map(mapping, items(rule.get("from"))):
                yield f"spec.ingress.{number}.from", str(mapping(peer.get("ipBlock")).get("cidr"))
    elif resource.type == "Service" and resource.spec.get("type") == "LoadBalancer":
        ranges = items(resource.spec.get("loadBalancerSourceRanges")) or [ANYWHERE[0]]
        yield from (("spec.loadBalancerSourceRanges", str(one)) for one in ranges)


def _cloud_sources(resource: PlannedResource) -> Iterator[tuple[str, str]]:
    """Return the addresses that a resource of AWS lets in."""
    inputs, kind = resource.inputs, resource.type
    if kind in _GROUPS:
        for number, rule in enumerate(map(mapping, items(inputs.get("ingress")))):
            yield from _blocks(rule, f"ingress.{number}.")
    if kind == "aws:ec2/securityGroupRule:SecurityGroupRule" and inputs.get("type") == "ingress":
        yield from _blocks(inputs, "")
    if kind.endswith(":SecurityGroupIngressRule"):
        yield from ((key, str(inputs.get(key))) for key in ("cidrIpv4", "cidrIpv6"))
    if kind == "aws:eks/cluster:Cluster":
        yield from _cluster_sources(mapping(inputs.get("vpcConfig")))
    for key in ("publiclyAccessible", "mapPublicIpOnLaunch", "associatePublicIpAddress"):
        if inputs.get(key):
            yield key, ANYWHERE[0]


def _cluster_sources(access: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the addresses that EKS lets in to a cluster's API: all, where nothing is said."""
    if access.get("endpointPublicAccess", True):
        for block in items(access.get("publicAccessCidrs")) or [ANYWHERE[0]]:
            yield "vpcConfig.publicAccessCidrs", str(block)


def _blocks(rule: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Return the blocks of addresses of a security group's rule."""
    for key in ("cidrBlocks", "ipv6CidrBlocks"):
        yield from ((f"{path}{key}", str(block)) for block in items(rule.get(key)))


def volume_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K007 for a class of volumes whose disks EBS doesn't encrypt."""
    is_class = resource.is_object and resource.type == "StorageClass"
    if not is_class or resource.inputs.get("provisioner") not in _EBS:
        return
    encrypted = str(mapping(resource.inputs.get("parameters")).get("encrypted")).lower()
    if encrypted != "true":
        yield resource.problem(
            "K007", "parameters.encrypted", "its volumes aren't encrypted", expected='"true"'
        )


def encryption_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K007 for what keeps data as it is, or takes it over the network so."""
    key = _ENCRYPTED.get(resource.type)
    if key and not resource.inputs.get(key):
        yield resource.problem("K007", key, "its data isn't encrypted", expected=f"{key} to be set")
    for number, disk in enumerate(map(mapping, items(resource.inputs.get("blockDeviceMappings")))):
        if "ebs" in disk and str(mapping(disk["ebs"]).get("encrypted")).lower() != "true":
            path = f"blockDeviceMappings.{number}.ebs.encrypted"
            yield resource.problem("K007", path, "the disk isn't encrypted", expected="true")
    yield from volume_problems(resource)
    if resource.is_object and resource.type == "Ingress" and not items(resource.spec.get("tls")):
        yield resource.problem(
            "K007", "spec.tls", "what is sent there isn't encrypted", expected="tls with a secret"
        )


def plain_buckets(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K007 for each bucket of which no resource says how it is encrypted."""
    kind = ":BucketServerSideEncryptionConfiguration"
    encrypted = [one for one in resources if kind in one.type.replace("V2", "")]
    for resource in resources:
        if resource.type == "aws:s3/bucket:Bucket" and not resource.allows("K007"):
            own = resource.inputs.get("serverSideEncryptionConfiguration")
            if not own and not any(one.names("bucket", resource) for one in encrypted):
                yield resource.problem(
                    "K007",
                    "",
                    "nothing says which key the bucket is encrypted with",
                    expected="a BucketServerSideEncryptionConfiguration of this bucket",
                )


def tag_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K012 for an object of which nobody can tell later whose it is."""
    labels = mapping(resource.metadata.get("labels"))
    if resource.is_object and resource.type in _LABELLED and PART_OF not in labels:
        yield resource.problem(
            "K012",
            "metadata.labels",
            "no label says what it is a part of",
            expected=f"a label {PART_OF}",
        )


def untagged(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K012 for what is on AWS without tags, of its own or by default of its provider."""
    tagging = {
        one.urn for one in resources if one.type == "pulumi:providers:aws" and _default_tags(one)
    }
    for resource in resources:
        has_tags = mapping(resource.inputs.get("tags")) or resource.provider in tagging
        if resource.type in (*_ENCRYPTED, *_TAGGED) and not has_tags:
            yield resource.problem(
                "K012", "tags", "it has no tags", expected="whose it is, as tags"
            )


def _default_tags(provider: PlannedResource) -> Mapping[str, Any]:
    """Return the tags that a provider gives everything: the engine keeps its inputs as JSON."""
    found = provider.inputs.get("defaultTags")
    try:
        known = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return {}
    return mapping(mapping(known).get("tags"))


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {
    "K006": address_problems,
    "K007": encryption_problems,
    "K012": tag_problems,
}
TOGETHER: Mapping[str, Callable[[Sequence[PlannedResource]], Iterator[Problem]]] = {
    "K007": plain_buckets,
    "K012": untagged,
}
