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
from http import HTTPStatus
from http.client import HTTPException
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
_OPEN = ",status.phase!=Succeeded,status.phase!=Failed"
"""Selects pods that aren't over: of thousands that are, none is sent five times a second."""
_MERGE = "application/merge-patch+json"
_HEARTBEAT = 5.0
_PAUSE = 0.2
_ENDING = 60.0
"""Seconds in which the pods have to end with their node."""


@dataclass
class ProcessNode:
    """Runs the pods that are bound to it.

    Attributes:
        plane: the Kubernetes.
        folders: where its pods are.
        programs: what its pods find as programs besides this machine's, by name.
        pods: those that were begun, by uid.
        open: the uids of those that weren't over when last looked at.
        over: is set once no more pods are to be run.
    """

    plane: ClusterApi
    folders: NodeFolders
    programs: Mapping[str, Path] = field(default_factory=dict)
    pods: dict[str, PodProcesses] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look for pods until all is over."""
        beat = 0.0
        while not self.over.is_set():
            with suppress(OSError, HTTPException):  # The API server may be away for a moment.
                if time.monotonic() - beat > _HEARTBEAT:
                    self._beat()
                    beat = time.monotonic()
                for pod in self._bound(_OPEN):
                    self._look_at(pod)
                self._settle()
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
        for pod in self._bound():
            if pod["status"]["phase"] in ("Pending", "Running") and _has_begun(pod):
                self.plane.ask(f"{path_of(pod)}/status", {"status": status}, "PATCH", _MERGE)
            if _is_to_go(pod):
                self._remove(pod)

    def _bound(self, more: str = "") -> list[Any]:
        """Return the pods that are bound to this node, of those that a selector chooses."""
        path = f"/api/v1/pods?fieldSelector=spec.nodeName={NAME}{more}"
        return list(self.plane.ask(path)["items"])

    def find(self, namespace: str, name: str) -> PodProcesses | None:
        """Return a pod that was begun, the last of its name."""
        found = [pod for pod in [*self.pods.values()] if pod.name == (namespace, name)]
        return found[-1] if found else None

    def leave(self) -> None:
        """Tell Kubernetes that no more pods run here, so that none is bound to the node.

        They stay pending, and the scheduler says why, until a node joins again.
        """
        with suppress(OSError, HTTPException):  # It may be over already.
            self._report_ready("False", "NodeStopped", "the node's process was asked to end")

    def _beat(self) -> None:
        self._report_ready("True", "Ready", "it is")

    def _report_ready(self, status: str, reason: str, message: str) -> None:
        ready = {"type": "Ready", "status": status, "reason": reason, "message": message,
                 "lastHeartbeatTime": now(), "lastTransitionTime": now()}  # fmt: skip
        body = {"status": {"conditions": [ready]}}
        self.plane.ask(f"/api/v1/nodes/{NAME}/status", body, "PATCH", _MERGE)

    def _look_at(self, pod: Mapping[str, Any]) -> None:
        """Begin a pod that is new, end one that is to be deleted."""
        uid = pod["metadata"]["uid"]
        begun = self.pods.get(uid)
        if _is_to_go(pod):
            if begun is not None and not begun.is_over:
                begun.stop(pod["metadata"].get("deletionGracePeriodSeconds", 0))
                return
            self._remove(pod)
        elif begun is None and pod["status"]["phase"] == "Pending":
            self.pods[uid] = made = PodProcesses(self.plane, self.folders, pod, self.programs)
            self.open.add(uid)
            threading.Thread(target=made.run, daemon=True).start()

    def _settle(self) -> None:
        """Remove the pods that were deleted while they ran, once they are over.

        One that is deleted later needs no node for it.
        """
        for uid in [uid for uid in self.open if self.pods[uid].is_over]:
            with _unless_gone():
                pod = self.plane.ask(self.pods[uid].path)
                if pod["metadata"]["uid"] == uid and _is_to_go(pod):
                    self._remove(pod)
            self.open.discard(uid)

    def _remove(self, pod: Mapping[str, Any]) -> None:
        """Tell Kubernetes that nothing of a deleted pod runs any more."""
        with _unless_gone():
            self.plane.ask(f"{path_of(pod)}?gracePeriodSeconds=0", method="DELETE")


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Take it that a pod may be gone already."""
    try:
        yield
    except HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise


def _is_to_go(pod: Mapping[str, Any]) -> bool:
    """Tell whether somebody has deleted a pod that is still there."""
    return bool(pod["metadata"].get("deletionTimestamp"))


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
            node.leave()
            for pod in [*node.pods.values()]:
                pod.stop(0)
            end = time.monotonic() + _ENDING
            for pod in [*node.pods.values()]:
                pod.ended.wait(max(0.0, end - time.monotonic()))
