"""Policies of IAM, KMS and S3 as JSON: who may do what, and nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_READ_KEY = ["kms:Decrypt", "kms:DescribeKey"]
_USE_KEY = [*_READ_KEY, "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def allow(
    actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a statement of what a role may do."""
    found = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**found, "Condition": condition} if condition else found


def trusts(service: str, *actions: str) -> str:
    """Return who may take a role: a service of AWS, such as ``eks.amazonaws.com``."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": list(actions or ("sts:AssumeRole",)),
        }
    )


def pods_trust() -> str:
    """Return who may take a role: pods, by EKS Pod Identity."""
    return trusts("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def accounts_trust(provider: str, issuer: str, accounts: Sequence[str]) -> str:
    """Return who may take a role: ServiceAccounts, by IRSA.

    Args:
        provider: ARN of the cluster's OpenID Connect provider.
        issuer: the cluster's issuer, a URL.
        accounts: the ServiceAccounts, each ``namespace/name``.
    """
    host = issuer.removeprefix("https://")
    subjects = [f"system:serviceaccount:{one.replace('/', ':')}" for one in accounts]
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {
                "StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subjects}
            },
        }
    )


def folders(bucket: str, key: str, written: Sequence[str], read: Sequence[str] = ()) -> str:
    """Return what a role may do in a bucket.

    Args:
        bucket: ARN of the bucket.
        key: ARN of the key that it is encrypted with.
        written: folders that are read, written and deleted from.
        read: folders that are only read.
    """
    seen = [f"{folder}/*" for folder in (*written, *read)]
    listed = {"StringLike": {"s3:prefix": [*seen, *written, *read]}}
    statements = [
        allow(["s3:ListBucket"], [bucket], listed),
        allow(["s3:GetBucketLocation"], [bucket]),
        allow(["s3:GetObject"], [f"{bucket}/{one}" for one in seen]),
        allow(_USE_KEY if written else _READ_KEY, [key]),
    ]
    if written:
        actions = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        parts = ["s3:ListMultipartUploadParts"]
        statements.append(allow([*actions, *parts], [f"{bucket}/{one}/*" for one in written]))
    return document(*statements)


def only_over_tls(bucket: str) -> str:
    """Return a bucket's policy: nobody gets at it but over TLS."""
    return document(
        {
            "Sid": "OnlyOverTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*"],
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _administered(partition: str, account: str) -> dict[str, Any]:
    """Return the statement by which the account's own policies of IAM say who may use a key."""
    return {
        "Sid": "TheAccountsPolicies",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": ["kms:*"],
        "Resource": ["*"],
    }


def data_key(partition: str, account: str, region: str) -> str:
    """Return the policy of the key of data: what AWS's services do for the account with it.

    By `kms:ViaService` the nodes' disks can be encrypted without naming the role that EC2's
    autoscaling gets in an account when it is first used.
    """
    services = ["ec2", "rds", "s3", "ecr", "secretsmanager"]
    return document(
        _administered(partition, account),
        {
            "Sid": "ServicesForTheAccount",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [*_USE_KEY, "kms:CreateGrant"],
            "Resource": ["*"],
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": [f"{one}.{region}.amazonaws.com" for one in services],
                }
            },
        },
    )


def cluster_key(partition: str, account: str) -> str:
    """Return the policy of the key of the cluster's Secrets, which EKS takes a grant of."""
    return document(_administered(partition, account))


def log_key(partition: str, account: str, region: str, suffix: str) -> str:
    """Return the policy of the key of logs: CloudWatch's, for the account's log groups."""
    groups = f"arn:{partition}:logs:{region}:{account}:*"
    return document(
        _administered(partition, account),
        {
            "Sid": "CloudWatch",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.{suffix}"},
            "Action": _USE_KEY,
            "Resource": ["*"],
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        },
    )


def autoscaler(cluster: str) -> str:
    """Return what an autoscaler may do: look at groups of nodes, and resize a cluster's."""
    looks = [
        *("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances"),
        *("autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities"),
        *("autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes"),
        *("ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements"),
        "eks:DescribeNodegroup",
    ]
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
    resizes = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    return document(allow(looks, ["*"]), allow(resizes, ["*"], owned))


def flow_logs(group: str) -> str:
    """Return what the network's log may do: write to a log group."""
    actions = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    return document(allow(actions, [group, f"{group}:*"]))


def lifecycle(kept: int) -> str:
    """Return the lifecycle of a repository of images.

    Args:
        kept: images that are kept at most.
    """
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    rules = [
        {
            "rulePriority": 1,
            "description": "Images whose tag went to another one",
            "selection": {**untagged, "countNumber": 90},
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "The oldest images",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": kept,
            },
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules}, sort_keys=True)
