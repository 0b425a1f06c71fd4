"""What a cluster of EKS needs besides the platform: volumes, an autoscaler, a plugin for GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from infra.aws.nodes import GPU_TAINT, LABEL
from infra.kubernetes.objects import DeclaredObjects, declare_objects
from infra.kubernetes.workloads import labels, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.manifests.objects import Manifest

STORAGE_CLASS = "atlas"
AUTOSCALER = "cluster-autoscaler"
SYSTEM = "kube-system"
GPU_PLUGIN = "nvcr.io/nvidia/k8s-device-plugin:v0.17.4"
_READS = ["get", "list", "watch"]


class ClusterBasics(pulumi.ComponentResource):
    """The objects of the cluster that the platform stands on."""

    def __init__(
        self,
        name: str,
        manifests: Sequence[Manifest],
        opts: pulumi.ResourceOptions | None = None,
        *,
        skip_await: bool = False,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Declare the objects."""
        super().__init__("atlas:aws:ClusterBasics", name, None, opts)
        declare_objects(self, manifests, DeclaredObjects(), skip_await=skip_await, after=after)
        self.register_outputs({})


def storage_class(key: pulumi.Input[str]) -> Manifest:
    """Return the class of volumes: encrypted, in the zone of their pod.

    Args:
        key: ARN of the key that they are encrypted with.
    """
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "labels": labels(STORAGE_CLASS),
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true", "kmsKeyId": key},
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Delete",
    }


def autoscaler(cluster: str, region: str, version: str) -> list[Manifest]:
    """Return what resizes groups of nodes as pods need them.

    Args:
        cluster: name of the cluster.
        region: the region.
        version: the version of Kubernetes, whose scheduler it foresees.
    """
    own = metadata(AUTOSCALER, SYSTEM)
    everywhere = {"name": AUTOSCALER, "labels": labels(AUTOSCALER)}
    subject = {"kind": "ServiceAccount", "name": AUTOSCALER, "namespace": SYSTEM}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": everywhere,
            "rules": _autoscaler_rules(),
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": everywhere,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": AUTOSCALER},
            "subjects": [subject],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": own,
            "rules": [
                _rule([""], ["configmaps"], ["create", "list", "watch"]),
                _rule(
                    [""],
                    ["configmaps"],
                    ["delete", "get", "update", "watch"],
                    resourceNames=["cluster-autoscaler-status"],
                ),
            ],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": own,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": AUTOSCALER},
            "subjects": [subject],
        },
        _autoscaler_deployment(cluster, region, version),
    ]


def _rule(
    groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str], **more: Any
) -> dict[str, Any]:
    """Return a rule of a role."""
    found = {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}
    return {**found, **more}


def _autoscaler_rules() -> list[dict[str, Any]]:
    """Return what the autoscaler may do in the cluster: see what runs, and empty nodes."""
    pods = ["namespaces", "pods", "services", "replicationcontrollers"]
    volumes = ["persistentvolumeclaims", "persistentvolumes"]
    storage = ["storageclasses", "csinodes", "csidrivers", "csistoragecapacities"]
    storage += ["volumeattachments"]
    dynamic = ["resourceclaims", "resourceslices", "deviceclasses"]
    return [
        _rule(["", "events.k8s.io"], ["events"], ["create", "patch"]),
        _rule([""], ["pods/eviction"], ["create"]),
        _rule([""], ["pods/status"], ["update"]),
        _rule([""], ["endpoints"], ["get", "update"], resourceNames=[AUTOSCALER]),
        _rule([""], ["nodes"], [*_READS, "update"]),
        _rule([""], [*pods, *volumes], _READS),
        _rule(["apps"], ["daemonsets", "replicasets", "statefulsets"], _READS),
        _rule(["batch"], ["jobs", "cronjobs"], _READS),
        _rule(["policy"], ["poddisruptionbudgets"], ["list", "watch"]),
        _rule(["storage.k8s.io"], storage, _READS),
        _rule(["resource.k8s.io"], dynamic, _READS),
        _rule(["coordination.k8s.io"], ["leases"], ["create"]),
        _rule(["coordination.k8s.io"], ["leases"], ["get", "update"], resourceNames=[AUTOSCALER]),
    ]


def _autoscaler_deployment(cluster: str, region: str, version: str) -> Manifest:
    """Return the autoscaler's pods."""
    found = f"asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{cluster}"
    container = {
        "name": AUTOSCALER,
        "image": f"registry.k8s.io/autoscaling/cluster-autoscaler:v{version}.0",
        "command": ["./cluster-autoscaler"],
        "args": [
            *("--cloud-provider=aws", f"--node-group-auto-discovery={found}"),
            *("--balance-similar-node-groups", "--expander=least-waste"),
            *("--skip-nodes-with-local-storage=false", "--stderrthreshold=info"),
        ],
        "env": [{"name": "AWS_REGION", "value": region}],
        "ports": [{"name": "http", "containerPort": 8085}],
        "readinessProbe": {"httpGet": {"path": "/health-check", "port": 8085}},
        "resources": {
            "requests": {"cpu": "50m", "memory": "300Mi"},
            "limits": {"memory": "600Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(AUTOSCALER, SYSTEM),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/name": AUTOSCALER}},
            "template": {
                "metadata": {"labels": labels(AUTOSCALER)},
                "spec": {
                    "serviceAccountName": AUTOSCALER,
                    "priorityClassName": "system-cluster-critical",
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65534,
                        "fsGroup": 65534,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                },
            },
        },
    }


def gpu_plugin() -> Manifest:
    """Return what tells the cluster of the GPUs that nodes have."""
    name = "nvidia-device-plugin"
    why = "tells the node's kubelet of its GPUs, over a socket in a folder of the node"
    own = metadata(name, SYSTEM)
    folder = "/var/lib/kubelet/device-plugins"
    container = {
        "name": name,
        "image": GPU_PLUGIN,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "plugins", "mountPath": folder}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            **own,
            "annotations": {"policies.atlas/K002": why, "policies.atlas/K003": why},
        },
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": labels(name)},
                "spec": {
                    "nodeSelector": {LABEL: "gpu"},
                    "tolerations": [
                        {"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}
                    ],
                    "priorityClassName": "system-node-critical",
                    "containers": [container],
                    "volumes": [{"name": "plugins", "hostPath": {"path": folder}}],
                },
            },
        },
    }
