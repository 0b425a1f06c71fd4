"""The processes of one pod: its containers, each with a root and process ids of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from atlas_provider.cluster import pod_parts
from atlas_provider.cluster.pod_parts import now
from atlas_provider.cluster.roots import ContainerRoot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_provider.cluster.api import ClusterApi
    from atlas_provider.cluster.images import NodeImages, UnpackedImage

_MERGE = "application/merge-patch+json"
_NO_DEADLINE = 10**6
_PAUSE = 1.0
"""Seconds before the end of a pod is reported again to an API server that doesn't answer."""
_KILLED = 128
_BACK_OFF = (10.0, 300.0)
"""Seconds before an image is pulled again, at first and at most; they double, as the kubelet's."""


@dataclass(frozen=True)
class NodeFolders:
    """Where a node's pods are.

    Attributes:
        pods: has a folder for each pod while it runs.
        logs: keeps what containers printed.
        shared: folders and files of this machine that pods see as they are, and may write to.
        images: those that pods are given; None where none is looked at.
    """

    pods: Path
    logs: Path
    shared: Sequence[Path] = ()
    images: NodeImages | None = None


class PodProcesses:
    """Runs the containers of a pod: those of its initialisation one by one, then all others.

    Attributes:
        name: its namespace and its name.
        ended: is set once nothing of it runs any more.
    """

    def __init__(
        self,
        plane: ClusterApi,
        folders: NodeFolders,
        pod: Mapping[str, Any],
        programs: Mapping[str, Path],
    ) -> None:
        self.name = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self.ended = threading.Event()
        self._plane, self._pod, self._programs = plane, pod, programs
        self._node, self._logs = folders, folders.logs
        self._folder = folders.pods / pod["metadata"]["uid"]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._states: dict[str, Any] = {}
        self._digests: dict[str, str] = {}
        self._reason = ""
        self._stopping = 0.0
        self._ending = threading.Event()
        self._lock = threading.Lock()

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return path_of(self._pod)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.ended.is_set()

    def run(self) -> None:
        """Run it to its end, and report how it stands meanwhile."""
        spec = self._pod["spec"]
        end = time.monotonic() + spec.get("activeDeadlineSeconds", _NO_DEADLINE)
        deadline = threading.Timer(max(end - time.monotonic(), 0.0), self._late)
        deadline.daemon = True
        deadline.start()
        try:
            code = self._run(spec)
        finally:
            deadline.cancel()
            # Its volumes have copies of Argo's and Kubeflow's programs, 200 MB in all.
            shutil.rmtree(self._folder, ignore_errors=True)
        late = {"reason": self._reason, "message": "longer than its deadline"}
        phase = "Failed" if code else "Succeeded"
        while not self._report(phase, **(late if self._reason else {})):
            time.sleep(_PAUSE)  # Whoever waits for the pod learns it from the API server alone.
        self.ended.set()

    def stop(self, grace: float) -> None:
        """Ask its processes to end, and kill them once some seconds are over."""
        with self._lock:
            if not self._stopping:
                self._stopping = time.monotonic() + grace
                self._ending.set()
                self._signal(signal.SIGTERM)
        if time.monotonic() >= self._stopping:
            self._signal(signal.SIGKILL)

    def execute(self, container: str, command: Sequence[str]) -> str:
        """Run a command in a container; return what it printed."""
        first = first_of(self._processes[container])
        inside = ["nsenter", "--target", str(first), "--mount", "--pid", "--root", "--wd=/"]
        done = subprocess.run(  # noqa: S603 - who may send it, Kubernetes says
            [*inside, *command], capture_output=True, text=True, check=False, timeout=120
        )
        return done.stdout + done.stderr

    def _run(self, spec: Mapping[str, Any]) -> int:
        """Run the containers; return an exit code of theirs that isn't 0, if there is one."""
        made: dict[str, Path] = {}
        try:
            made = pod_parts.volumes(self._plane, self._pod, self._folder)
        except (OSError, KeyError) as error:
            for container in spec["containers"]:
                self._over(container["name"], _KILLED, f"CreateContainerError: {error}")
            return _KILLED
        for container in spec.get("initContainers", ()):
            self._report("Pending")
            code = self._container(container, made)
            if code:
                return code
        threads = [
            threading.Thread(target=self._container, args=(container, made), daemon=True)
            for container in spec["containers"]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = [self._states[one["name"]]["terminated"]["exitCode"] for one in spec["containers"]]
        return next(filter(None, codes), 0)

    def _container(self, container: Mapping[str, Any], made: Mapping[str, Path]) -> int:
        """Run one container; return its exit code."""
        name = container["name"]
        try:
            process = self._begin(container, made, self._image(container))
        except (OSError, KeyError, ValueError) as error:
            return self._over(name, _KILLED, f"CreateContainerError: {error}")
        self._states[name] = {"running": {"startedAt": now()}}
        self._report("Running" if container in self._pod["spec"]["containers"] else "Pending")
        code = process.wait()
        code = code if code >= 0 else _KILLED - code
        return self._over(name, code, self._reason or ("Error" if code else "Completed"))

    def _image(self, container: Mapping[str, Any]) -> UnpackedImage | None:
        """Return a container's image; wait for it as long as it can't be had.

        Raises:
            OSError: the pod is to end.
        """
        images, name, reference = self._node.images, container["name"], container["image"]
        if images is None or not images.has(reference):
            return None
        pause, most = _BACK_OFF
        while not self._ending.is_set():
            try:
                image = images.get(reference)
            except OSError as error:
                self._wait(name, "ErrImagePull", str(error))
                self._ending.wait(1)  # What the first answer was is seen.
                later = f'Back-off pulling image "{reference}": {error}'
                self._wait(name, "ImagePullBackOff", later)
                self._ending.wait(pause)
                pause = min(pause * 2, most)
            else:
                self._digests[name] = f"{reference.partition('@')[0]}@{image.digest}"
                return image
        raise OSError("the pod is to end")

    def _wait(self, name: str, reason: str, message: str) -> None:
        """Tell why a container doesn't start yet."""
        self._states[name] = {"waiting": {"reason": reason, "message": message}}
        self._report("Pending")

    def _begin(
        self,
        container: Mapping[str, Any],
        made: Mapping[str, Path],
        image: UnpackedImage | None,
    ) -> subprocess.Popen[bytes]:
        """Start the process of a container.

        Raises:
            OSError: it can't be started.
            KeyError: something that it needs isn't there.
            ValueError: who is to run it can't be told.
        """
        variables = pod_parts.variables(self._plane, self._pod, container)
        line = pod_parts.command(container, variables, image)
        place = self._folder / "roots" / container["name"]
        root = ContainerRoot(place, made, self._programs, self._node.shared, image)
        command = root.command(self._secured(container), line)
        with self._lock, log_of(self._logs, *self.name, container["name"]).open("wb") as log:
            if self._stopping or self._reason:
                raise OSError("the pod is to end")
            process = subprocess.Popen(  # noqa: S603 - what the pod says
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={**root.variables(), **variables},
            )  # fmt: skip
            self._processes[container["name"]] = process
        return process

    def _secured(self, container: Mapping[str, Any]) -> dict[str, Any]:
        """Return a container with what the whole pod says of users."""
        both = (self._pod["spec"].get("securityContext"), container.get("securityContext"))
        known = {key: value for one in both for key, value in (one or {}).items()}
        return {**container, "securityContext": known}

    def _over(self, name: str, code: int, reason: str) -> int:
        started = self._states.get(name, {}).get("running", {}).get("startedAt", now())
        self._states[name] = {
            "terminated": {"exitCode": code, "reason": reason.partition(":")[0], "message": reason,
                           "startedAt": started, "finishedAt": now()}
        }  # fmt: skip
        return code

    def _late(self) -> None:
        self._reason = "DeadlineExceeded"
        self._ending.set()
        self._signal(signal.SIGKILL)

    def _signal(self, which: signal.Signals) -> None:
        """Send a signal to the first process of each container that runs."""
        for process in [*self._processes.values()]:
            with suppress(ProcessLookupError, IndexError, OSError):
                if process.poll() is None:
                    os.kill(first_of(process), which)

    def _report(self, phase: str, **more: str) -> bool:
        """Write how the pod stands; tell whether Kubernetes has it, or has no such pod any more."""
        spec = self._pod["spec"]
        status = {
            "phase": phase, "startTime": now(), "hostIP": "127.0.0.1", "podIP": "127.0.0.1", **more,
            "initContainerStatuses": self._statuses(spec.get("initContainers", ())),
            "containerStatuses": self._statuses(spec["containers"]),
        }  # fmt: skip
        try:
            self._plane.ask(f"{self.path}/status", {"status": status}, "PATCH", _MERGE)
        except HTTPError as error:
            return error.code == HTTPStatus.NOT_FOUND
        except (OSError, HTTPException):
            return False
        return True

    def _statuses(self, containers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        waiting = {"waiting": {"reason": "PodInitializing"}}
        states = {one["name"]: self._states.get(one["name"], waiting) for one in containers}
        return [
            {"name": one["name"], "image": one["image"], "restartCount": 0,
             "imageID": self._digests.get(one["name"], ""),
             "ready": "running" in states[one["name"]], "state": states[one["name"]]}
            for one in containers
        ]  # fmt: skip


def first_of(process: subprocess.Popen[bytes]) -> int:
    """Return the first process of a container: the only child of the one that made its namespaces.

    Raises:
        OSError: it has ended.
        IndexError: it isn't there yet, or not any more.
    """
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8")
    return int(text.split()[0])


def log_of(folder: Path, namespace: str, name: str, container: str) -> Path:
    """Return the file of what a container prints."""
    return folder / f"{namespace}.{name}.{container}.log"


def path_of(pod: Mapping[str, Any]) -> str:
    """Return where the API server has a pod."""
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
