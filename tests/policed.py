"""Which types of resources policies look at: each with one that breaks a rule; the rest with why not.

Used by the tests of the platform's programs: a new type needs a rule, or a reason here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from atlas.policies import PlannedResource, check

_EVERYBODY = json.dumps(
    {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}]}
)
_ANYWHERE = [{"cidrBlocks": ["0.0.0.0/0"]}]
_POD = {"containers": [{"name": "a", "image": "a:latest"}]}
_TEMPLATE = {"template": {"spec": _POD}}
BREAKING: dict[str, tuple[str, dict[str, Any]]] = {
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "Job"), ("K001", {"spec": _TEMPLATE})
    ),
    "CronJob": ("K001", {"spec": {"jobTemplate": {"spec": _TEMPLATE}}}),
    "Prometheus": ("K001", {"spec": {"image": "a:latest"}}),
    "Alertmanager": ("K001", {"spec": {"image": "a:latest"}}),
    "Cluster": ("K001", {"spec": {"imageName": "a:latest"}}),
    "Namespace": ("K010", {}),
    "NetworkPolicy": (
        "K006",
        {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}},
    ),
    "Service": ("K006", {"spec": {"type": "LoadBalancer"}}),
    "Ingress": ("K007", {"spec": {}}),
    "StorageClass": ("K007", {"provisioner": "ebs.csi.aws.com"}),
    **dict.fromkeys(("Role", "ClusterRole"), ("K009", {"rules": [{"verbs": ["*"]}]})),
    **dict.fromkeys(
        ("RoleBinding", "ClusterRoleBinding"), ("K009", {"roleRef": {"name": "cluster-admin"}})
    ),
    "aws:cloudwatch/logGroup:LogGroup": ("K017", {}),
    "aws:ec2/launchTemplate:LaunchTemplate": ("K014", {}),
    "aws:ec2/natGateway:NatGateway": ("K012", {}),
    "aws:ec2/securityGroup:SecurityGroup": ("K006", {"ingress": _ANYWHERE}),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("K006", {"ingress": _ANYWHERE}),
    "aws:ec2/subnet:Subnet": ("K006", {"mapPublicIpOnLaunch": True}),
    "aws:ec2/vpc:Vpc": ("K012", {}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("K006", {"policy": _EVERYBODY}),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": (
        "K006",
        {"repositoryPolicy": _EVERYBODY},
    ),
    "aws:eks/cluster:Cluster": ("K007", {}),
    "aws:eks/nodeGroup:NodeGroup": ("K012", {}),
    "aws:iam/role:Role": ("K006", {"assumeRolePolicy": _EVERYBODY}),
    "aws:iam/rolePolicy:RolePolicy": ("K009", {"policy": _EVERYBODY}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        "K009",
        {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    "aws:kms/key:Key": ("K016", {}),
    "aws:rds/instance:Instance": ("K007", {}),
    "aws:s3/bucket:Bucket": ("K015", {}),
    "aws:s3/bucketPolicy:BucketPolicy": ("K006", {"policy": _EVERYBODY}),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("K013", {}),
    "aws:secretsmanager/secret:Secret": ("K012", {}),
    "aws:secretsmanager/secretVersion:SecretVersion": ("K008", {"secretString": "hunter2"}),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        "K006",
        {"cidrIpv4": "0.0.0.0/0"},
    ),
}
"""Type → a code, and inputs that break it."""
ELSEWHERE = {
    "PodDisruptionBudget": "a Deployment without one breaks K011",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "a bucket without one breaks K007"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "a bucket without one breaks K015",
    "pulumi:providers:aws": "its tags are those of all its resources (K012)",
}
"""Type → which rule about another one needs it."""
HARMLESS = {
    **dict.fromkeys(
        ("ConfigMap", "Secret"), "data; a Secret is where secrets belong, and a secret of Pulumi's"
    ),
    **dict.fromkeys(
        ("CustomResourceDefinition", "PriorityClass", "ServiceAccount"),
        "says nothing of what runs or who gets in; rights are in roles",
    ),
    **dict.fromkeys(("LimitRange", "ResourceQuota"), "only takes something away"),
    "PersistentVolumeClaim": "its class says whether it is encrypted",
    **dict.fromkeys(("PrometheusRule", "ServiceMonitor"), "what is asked and told, by Prometheus"),
    **dict.fromkeys(("ScheduledBackup",), "when a backup is made; the objects it is of have rules"),
    **dict.fromkeys(
        ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
        "an operator's own, of its official manifest",
    ),
    **dict.fromkeys(
        (
            "aws:ec2/eip:Eip",
            "aws:ec2/internetGateway:InternetGateway",
            "aws:ec2/routeTable:RouteTable",
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            "aws:rds/subnetGroup:SubnetGroup",
        ),
        "lets nobody in: security groups do",
    ),
    **dict.fromkeys(("aws:ec2/flowLog:FlowLog", "aws:budgets/budget:Budget"), "only watches"),
    "aws:eks/addon:Addon": "EKS's own, in a version that is named",
    **dict.fromkeys(
        (
            "aws:eks/accessEntry:AccessEntry",
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        ),
        "those whom the stack's settings name as administrators",
    ),
    **dict.fromkeys(
        (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        ),
        "who takes which role; what the role may do has rules",
    ),
    "aws:kms/alias:Alias": "another name of a key",
    "aws:rds/parameterGroup:ParameterGroup": "settings of the server",
    **dict.fromkeys(
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        ),
        "lets nobody in, and keeps nothing as it is",
    ),
    "pulumi:providers:kubernetes": "no resource of the cluster",
}
"""Type → why no rule looks at it."""


def unpoliced(types: Iterable[str]) -> set[str]:
    """Return the types that no rule looks at, and no reason is given for."""
    return set(types) - {*BREAKING, *ELSEWHERE, *HARMLESS}


def codes_of(type_: str) -> list[str]:
    """Return the codes that a resource of a type breaks with its breaking inputs."""
    _, inputs = BREAKING[type_]
    if not type_.startswith("aws:"):
        inputs = {"apiVersion": "v1", "kind": type_, "metadata": {"name": "one"}, **inputs}
    return [one.code for one in check([PlannedResource(type=type_, name="one", inputs=inputs)])]
