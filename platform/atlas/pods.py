"""Pods of a cluster, where this machine has a kubeconfig: why one waits, and what it has printed.

An orchestrator knows that a step hasn't begun; why, only the cluster does: an image that can't be
pulled, no node with room, a Secret that isn't there.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.cluster import Cluster
from atlas.dataclass import dataclass
from atlas.errors import RefusedError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTEXT = "ATLAS_KUBERNETES_CONTEXT"
"""Variable with the context of the kubeconfig to use; by default its current one."""
_SECONDS = 10.0
_LONGEST = 300
_FORBIDDEN = 403
_LARGEST = 2**20
"""Bytes of a log that are read."""
_DEFAULT = "kubectl.kubernetes.io/default-container"
_MAIN = ("main", "base")
"""What Argo and Airflow call the container that does a pod's work."""
_PAGE = 500
_OF_SCHEDULER = re.compile(r"\. (?=no new |preemption: )")
"""Where the scheduler begins to say that removing other pods wouldn't help either."""
_HINTS: Mapping[str, str] = {
    "ErrImagePull": "see whether the image is there, and the pull secret of the namespace opens it",
    "ImagePullBackOff": "see whether the image is there, and the pull secret of the namespace "
    "opens it",
    "InvalidImageName": "correct the image's name",
    "ErrImageNeverPull": "the image has to be on the node already",
    "CreateContainerConfigError": "make the Secret or ConfigMap that is missing, or correct its "
    "name",
    "CreateContainerError": "see the pod's events",
    "RunContainerError": "see the pod's events",
    "CrashLoopBackOff": "see the pod's log",
    "Unschedulable": "ask for less, or wait for room; a node selector or a GPU needs a node that "
    "has it; a node with a taint isn't ready, or is kept for others",
}
"""What to do, by the reason why a pod doesn't start."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that is there.

    Attributes:
        name: its name.
        namespace: where it is.
        labels: its labels.
        annotations: its annotations.
        phase: such as ``Pending``.
        container: the name of the container that does its work.
        reason: why it doesn't start, with what to do; empty where nothing keeps it.
        end: how it ended, such as ``OOMKilled, exit code 137``; empty while it hasn't, and where
            it ended well.
        created: when it was made, ISO 8601.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    phase: str
    container: str
    reason: str
    end: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class PodsApi:
    """What an API server of Kubernetes says of pods.

    Attributes:
        cluster: the server.
        namespace: the context's namespace; empty for none.
    """

    cluster: Cluster
    namespace: str = ""

    @property
    def context(self) -> str:
        """Return the name of the context that it is opened by."""
        return self.cluster.context

    def pods(self, selector: str) -> list[Pod]:
        """Return the pods that labels select, in all namespaces or else in the context's.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        try:
            return list(self._pods("/api/v1/pods", selector))
        except RefusedError as error:
            if error.status != _FORBIDDEN or not self.namespace:
                raise
        return list(self._pods(f"/api/v1/namespaces/{self.namespace}/pods", selector))

    def _pods(self, path: str, selector: str) -> Iterator[Pod]:
        """Return the pods at a path, page by page."""
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            found = self.cluster.get(path, query) or {}
            yield from (_pod(raw) for raw in found.get("items") or ())
            query["continue"] = (found.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return

    def may(self, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Tell whether who asks may do something in a namespace (SelfSubjectAccessReview).

        Args:
            verb: what is done, such as ``get``.
            resource: with what, such as ``pods`` or ``pods/log``.
            namespace: where; empty for everywhere.
            group: the API group of the resource.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        name, _, part = resource.partition("/")
        attributes = {"verb": verb, "resource": name, "namespace": namespace, "group": group}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {**attributes, **({"subresource": part} if part else {})}
            },
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.cluster.create(path, body).get("status", {}).get("allowed"))

    def version(self) -> str:
        """Return the API server's version, such as ``v1.36.3``.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        return str((self.cluster.get("/version") or {}).get("gitVersion", ""))

    def warnings(self, pod: Pod) -> list[str]:
        """Return what the cluster warns of about a pod; nothing where that mayn't be read.

        Raises:
            PlatformError: the API server doesn't answer.
        """
        chosen = f"involvedObject.kind=Pod,involvedObject.name={pod.name},type=Warning"
        query = {"fieldSelector": chosen, "limit": str(_PAGE)}
        path = f"/api/v1/namespaces/{quote(pod.namespace)}/events"
        try:
            events = (self.cluster.get(path, query) or {}).get("items") or ()
        except RefusedError:
            return []
        texts = [f"{one.get('reason')}: {one.get('message')}" for one in sorted(events, key=_last)]
        return [clean(text, _LONGEST) for text in dict.fromkeys(texts)]

    def waiting(self, selector: str) -> list[Pod]:
        """Return the pods that labels select and that something keeps from starting.

        A volume that can't be mounted, and a sandbox that can't be made, only events tell.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        found = []
        for pod in self.pods(selector):
            warned = self.warnings(pod) if pod.phase == "Pending" and not pod.reason else []
            reason = pod.reason or (f"{warned[-1]} (see the pod's events)" if warned else "")
            found += [replace(pod, reason=reason)] if reason else []
        return found

    def log(self, pod: Pod, lines: int = 1000) -> str:
        """Return the end of what a pod's main container has printed; empty where nothing is kept.

        Args:
            pod: the pod.
            lines: how many lines at the most.

        Raises:
            PlatformError: the API server doesn't answer.
        """
        path = f"/api/v1/namespaces/{quote(pod.namespace)}/pods/{quote(pod.name)}/log"
        query = {"container": pod.container, "tailLines": str(lines), "limitBytes": str(_LARGEST)}
        try:
            return self.cluster.text(path, query) or ""
        except RefusedError:
            return ""


@cache
def cluster() -> PodsApi | None:
    """Return the cluster of this machine's kubeconfig; None where there is none that can be used.

    `KUBECONFIG` and ``~/.kube/config`` say where it is, `ATLAS_KUBERNETES_CONTEXT` which of its
    contexts is used.
    """
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    files = [one for one in named if one] or [str(Path.home() / ".kube" / "config")]
    if not any(Path(one).is_file() for one in files):
        return None
    try:
        from kubernetes import config
    except ImportError:
        return None
    wanted = os.environ.get(CONTEXT) or None
    try:
        # Not the package's own default, which is what the variable was when it was imported.
        file = os.pathsep.join(files)
        contexts, current = config.list_kube_config_contexts(file)
        chosen = next((one for one in contexts if one["name"] == wanted), current)
        name, space = str(chosen["name"]), str(chosen["context"].get("namespace") or "")
    except Exception:  # whatever a kubeconfig of any kind makes of itself
        return None
    return PodsApi(Cluster(name, seconds=_SECONDS), space)


def _pod(raw: Mapping[str, Any]) -> Pod:
    metadata = raw.get("metadata") or {}
    return Pod(
        name=str(metadata.get("name")),
        namespace=str(metadata.get("namespace")),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        phase=str((raw.get("status") or {}).get("phase") or ""),
        container=_main(raw),
        reason=reason_of(raw),
        end=_end(raw.get("status") or {}),
        created=str(metadata.get("creationTimestamp") or ""),
    )


def _last(event: Mapping[str, Any]) -> str:
    """Return when an event happened last."""
    series = event.get("series") or {}
    seen = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return str(next((time for time in seen if time), ""))


def _end(status: Mapping[str, Any]) -> str:
    """Return how a pod ended that didn't end well: by its containers, else by itself."""
    for container in status.get("containerStatuses") or ():
        state = (container.get("state") or {}).get("terminated") or {}
        if state.get("exitCode"):
            said = clean(str(state.get("message") or ""), _LONGEST)
            reason = f"{state.get('reason') or 'Error'}, exit code {state['exitCode']}"
            return f"{reason}: {said}" if said else reason
    if status.get("phase") == "Failed":
        said = f"{status.get('reason') or 'Failed'}: {status.get('message') or ''}"
        return clean(said, _LONGEST).rstrip(": ")
    return ""


def _main(raw: Mapping[str, Any]) -> str:
    """Return the name of the container that does a pod's work."""
    names = [str(one.get("name")) for one in (raw.get("spec") or {}).get("containers") or ()]
    named = ((raw.get("metadata") or {}).get("annotations") or {}).get(_DEFAULT)
    return next((name for name in (named, *_MAIN) if name in names), (names or [""])[0])


def reason_of(raw: Mapping[str, Any]) -> str:
    """Return why a pod doesn't start, with what to do; empty where nothing keeps it.

    Args:
        raw: the pod, as the API server gives it.
    """
    name, message = next(_reasons(raw.get("status") or {}), ("", ""))
    if not name:
        return ""
    message = _OF_SCHEDULER.split(clean(message))[0]
    said = f"{name}: {message[:_LONGEST]}" if message else name
    return f"{said} ({_HINTS[name]})"


def _reasons(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what keeps a pod from starting: containers first, then its place."""
    statuses = (*(status.get("initContainerStatuses") or ()),
                *(status.get("containerStatuses") or ()))  # fmt: skip
    for container in statuses:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HINTS:
            yield waiting["reason"], str(waiting.get("message") or container.get("image") or "")
    for condition in status.get("conditions") or ():
        is_placed = condition.get("type") != "PodScheduled" or condition.get("status") != "False"
        if not is_placed and condition.get("reason") in _HINTS:
            yield condition["reason"], str(condition.get("message") or "")
