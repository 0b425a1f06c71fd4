"""A node of a Kubernetes whose pods are processes: no container runtime, no images.

The scheduler binds pods to it as to any other node. Each container's process has a root of its own:
an overlay over this machine's, in a mount namespace of its own, so that the kernel takes all of it
away with the process. Its image is not looked at: what a command names has to be on this machine.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.cluster.control_plane import ControlPlane
from tests.kubeflow import pod_logs, pod_parts

NAME = "process-node"
ROOM = {"cpu": "8", "memory": "16Gi", "pods": "100", "ephemeral-storage": "50Gi"}
_MERGE = "application/merge-patch+json"
_HEARTBEAT = 5.0
_PAUSE = 0.2
_KILLED = 137


@dataclass
class ProcessNode:
    """Runs the pods that are bound to it.

    Attributes:
        plane: the Kubernetes.
        folder: has a folder for each pod; its owner removes it.
        running: the processes of containers, by the pod's uid.
        seen: the pods that were begun.
        over: is set once no more pods are to be run.
    """

    plane: ControlPlane
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
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
        self.plane.ask("/api/v1/nodes", {"metadata": {"name": NAME}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "capacity": ROOM,
            "allocatable": ROOM,
        }
        self.plane.ask(f"/api/v1/nodes/{NAME}/status", {"status": status}, "PATCH", _MERGE)

    def _beat(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": "it is",
                 "lastHeartbeatTime": now(), "lastTransitionTime": now()}  # fmt: skip
        body = {"status": {"conditions": [ready]}}
        self.plane.ask(f"/api/v1/nodes/{NAME}/status", body, "PATCH", _MERGE)

    def _look_at(self, pod: Mapping[str, Any]) -> None:
        """Begin a pod that is new, end one that is to be deleted."""
        uid = pod["metadata"]["uid"]
        if pod["metadata"].get("deletionTimestamp"):
            self._end(uid)
            if uid not in self.running:
                with suppress(HTTPError):
                    self.plane.ask(f"{path_of(pod)}?gracePeriodSeconds=0", method="DELETE")
        elif uid not in self.seen and pod["status"]["phase"] == "Pending":
            self.seen.add(uid)
            threading.Thread(target=self._run, args=(pod,), daemon=True).start()

    def _end(self, uid: str) -> None:
        process = self.running.get(uid)
        if process is not None:
            process.kill()

    def _run(self, pod: Mapping[str, Any]) -> None:
        """Run the containers of a pod, those of its initialisation first; report what came of it."""
        folder = self.folder / pod["metadata"]["uid"]
        try:
            volumes = pod_parts.volumes(self.plane, pod, folder)
            self._report(pod, "Running", {"running": {"startedAt": now()}})
            code, reason = 0, "Completed"
            spec = pod["spec"]
            end = time.monotonic() + spec.get("activeDeadlineSeconds", 10**6)
            for container in [*spec.get("initContainers", ()), *spec["containers"]]:
                code, reason = self._container(pod, container, folder, volumes, end)
                if code:
                    break
        except (OSError, KeyError) as error:
            code, reason = 128, f"CreateContainerError: {error}"
        done = {"exitCode": code, "reason": reason.partition(":")[0], "finishedAt": now(),
                "message": reason}  # fmt: skip
        late = reason == "DeadlineExceeded"
        more = {"reason": reason, "message": "longer than its deadline"} if late else {}
        self._report(pod, "Failed" if code else "Succeeded", {"terminated": done}, **more)
        shutil.rmtree(folder / "roots", ignore_errors=True)

    def _container(
        self,
        pod: Mapping[str, Any],
        container: Mapping[str, Any],
        folder: Path,
        volumes: Mapping[str, Path],
        end: float,
    ) -> tuple[int, str]:
        """Run one container; return its exit code, and why it ended."""
        uid = pod["metadata"]["uid"]
        variables = pod_parts.variables(self.plane, pod, container)
        line = pod_parts.command(container, variables)
        root = folder / "roots" / container["name"]
        command = pod_parts.in_root(root, container, volumes, line)
        with pod_logs.log_of(self.folder, pod, container["name"]).open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, cwd="/",
            )  # fmt: skip
            self.running[uid] = process
            late = False
            try:
                code = process.wait(max(end - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                late, code = True, process.wait()
            del self.running[uid]
        code = code if code >= 0 else 128 - code
        reason = "DeadlineExceeded" if late else ("Error" if code else "Completed")
        return code, reason

    def _report(
        self, pod: Mapping[str, Any], phase: str, state: Mapping[str, Any], **more: str
    ) -> None:
        """Write how a pod stands."""
        statuses = [
            {"name": one["name"], "image": one["image"], "imageID": "", "restartCount": 0,
             "ready": phase == "Running", "state": state}
            for one in pod["spec"]["containers"]
        ]  # fmt: skip
        status = {"phase": phase, "containerStatuses": statuses, "startTime": now(),
                  "hostIP": "127.0.0.1", "podIP": "127.0.0.1", **more}  # fmt: skip
        with suppress(HTTPError):  # It has been deleted meanwhile.
            self.plane.ask(f"{path_of(pod)}/status", {"status": status}, "PATCH", _MERGE)


@contextmanager
def process_node(plane: ControlPlane, folder: Path) -> Iterator[ProcessNode]:
    """Have a Kubernetes a node; all that runs on it is killed at the end."""
    folder.mkdir(parents=True)
    node = ProcessNode(plane, folder)
    with pod_logs.serving(plane, folder) as port:
        node.join(port)
        watcher = threading.Thread(target=node.watch, daemon=True)
        watcher.start()
        try:
            yield node
        finally:
            node.over.set()
            watcher.join(60)
            for process in [*node.running.values()]:
                process.kill()
            while node.running:
                time.sleep(0.02)


def path_of(pod: Mapping[str, Any]) -> str:
    """Return where the API server has a pod."""
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
