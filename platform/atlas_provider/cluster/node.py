"""A node of a Kubernetes whose pods are processes: no container runtime.

The scheduler binds pods to it as to any other node. Each container's process has a root of its own,
an overlay over its image's layers, and is the first process of its own; the kernel takes all of
that away with it. An image that isn't of the node's registry is not looked at: the overlay is then
over this machine's own root, and what a command names has to be there.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from atlas_provider.cluster import kubelet
from atlas_provider.cluster.pod_parts import now
from atlas_provider.cluster.pods import NodeFolders, PodProcesses, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from atlas_provider.cluster.api import ClusterApi

NAME = "process-node"
ROOM = {"cpu": "8", "memory": "16Gi", "pods": "100", "ephemeral-storage": "50Gi"}
_MERGE = "application/merge-patch+json"
_HEARTBEAT = 5.0
_PAUSE = 0.2


@dataclass
class ProcessNode:
    """Runs the pods that are bound to it.

    Attributes:
        plane: the Kubernetes.
        folders: where its pods are.
        programs: what its pods find as programs besides this machine's, by name.
        pods: those that were begun, by uid.
        over: is set once no more pods are to be run.
    """

    plane: ClusterApi
    folders: NodeFolders
    programs: Mapping[str, Path] = field(default_factory=dict)
    pods: dict[str, PodProcesses] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look for pods until all is over."""
        beat = 0.0
        while not self.over.is_set():
            with suppress(OSError):  # The API server may be away for a moment.
                if time.monotonic() - beat > _HEARTBEAT:
                    self._beat()
                    beat = time.monotonic()
                path = f"/api/v1/pods?fieldSelector=spec.nodeName={NAME}"
                for pod in self.plane.ask(path)["items"]:
                    self._look_at(pod)
            self.over.wait(_PAUSE)

    def join(self, port: int) -> None:
        """Tell Kubernetes of the node, whose logs are at a port of loopback."""
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}
        self.plane.apply("/api/v1/nodes", node)
        self._end_strangers()
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "capacity": ROOM,
            "allocatable": ROOM,
        }
        self.plane.ask(f"/api/v1/nodes/{NAME}/status", {"status": status}, "PATCH", _MERGE)

    def _end_strangers(self) -> None:
        """Report pods as failed that ran on this node before: nothing runs them any more."""
        status = {"phase": "Failed", "reason": "NodeLost", "message": "the node was started again"}
        for pod in self.plane.ask(f"/api/v1/pods?fieldSelector=spec.nodeName={NAME}")["items"]:
            if pod["status"]["phase"] in ("Pending", "Running") and _has_begun(pod):
                self.plane.ask(f"{path_of(pod)}/status", {"status": status}, "PATCH", _MERGE)

    def find(self, namespace: str, name: str) -> PodProcesses | None:
        """Return a pod that was begun, the last of its name."""
        found = [pod for pod in [*self.pods.values()] if pod.name == (namespace, name)]
        return found[-1] if found else None

    def _beat(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": "it is",
                 "lastHeartbeatTime": now(), "lastTransitionTime": now()}  # fmt: skip
        body = {"status": {"conditions": [ready]}}
        self.plane.ask(f"/api/v1/nodes/{NAME}/status", body, "PATCH", _MERGE)

    def _look_at(self, pod: Mapping[str, Any]) -> None:
        """Begin a pod that is new, end one that is to be deleted."""
        uid = pod["metadata"]["uid"]
        begun = self.pods.get(uid)
        if pod["metadata"].get("deletionTimestamp"):
            if begun is not None and not begun.is_over:
                begun.stop(pod["metadata"].get("deletionGracePeriodSeconds", 0))
                return
            with suppress(HTTPError):
                self.plane.ask(f"{path_of(pod)}?gracePeriodSeconds=0", method="DELETE")
        elif begun is None and pod["status"]["phase"] == "Pending":
            self.pods[uid] = made = PodProcesses(self.plane, self.folders, pod, self.programs)
            threading.Thread(target=made.run, daemon=True).start()


def _has_begun(pod: Mapping[str, Any]) -> bool:
    """Tell whether a node has ever reported of a pod."""
    return bool(pod["status"].get("startTime"))


@contextmanager
def process_node(
    plane: ClusterApi,
    folders: NodeFolders,
    programs: Mapping[str, Path] | None = None,
    *,
    port: int = 0,
) -> Iterator[ProcessNode]:
    """Have a Kubernetes a node; all that runs on it is killed at the end.

    Args:
        plane: the Kubernetes.
        folders: where its pods are.
        programs: what its pods find as programs besides this machine's, by name.
        port: the port of the node's own API; 0 for a free one.
    """
    for folder in (folders.pods, folders.logs):
        folder.mkdir(parents=True, exist_ok=True)
    node = ProcessNode(plane, folders, programs or {})
    with kubelet.serving(plane, folders.logs, node.find, port) as bound:
        node.join(bound)
        watcher = threading.Thread(target=node.watch, daemon=True)
        watcher.start()
        try:
            yield node
        finally:
            node.over.set()
            watcher.join(60)
            for pod in [*node.pods.values()]:
                pod.stop(0)
            for pod in [*node.pods.values()]:
                pod.ended.wait(60)
