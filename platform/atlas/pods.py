"""Pods of a cluster, where this machine has a kubeconfig: why one waits, and what it has printed.

An orchestrator knows that a step hasn't begun; why, only the cluster does: an image that can't be
pulled, no node with room, a Secret that isn't there. The `kubernetes` package is imported when a
cluster is first asked, and signs in as `kubectl` does, by the programs that the kubeconfig names.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTEXT = "ATLAS_KUBERNETES_CONTEXT"
"""Variable with the context of the kubeconfig to use; by default its current one."""
_SECONDS = 10.0
_PAUSE = 5.0
"""Seconds between two looks at the pods of a run."""
_LONGEST = 300
_FORBIDDEN = 403
_PAGE = 500
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
    "has it",
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
        reason: why it doesn't start, with what to do; empty where nothing keeps it.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    phase: str
    reason: str


@dataclass(frozen=True, slots=True)
class PodsApi:
    """An API server of Kubernetes, opened by a kubeconfig.

    Attributes:
        client: what speaks to it.
        context: the context's name.
        namespace: the context's namespace; empty for none.
    """

    client: Any
    context: str
    namespace: str = ""

    def pods(self, selector: str) -> list[Pod]:
        """Return the pods that labels select, in all namespaces or else in the context's.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        query = [("labelSelector", selector), ("limit", str(_PAGE))]
        status, answer = self._ask("GET", "/api/v1/pods", query)
        if status == _FORBIDDEN and self.namespace:
            status, answer = self._ask("GET", f"/api/v1/namespaces/{self.namespace}/pods", query)
        return [_pod(raw) for raw in self._required(status, answer).get("items", ())]

    def may(self, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Tell whether who asks may do something in a namespace (SelfSubjectAccessReview).

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        attributes = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._required(*self._ask("POST", path, body=body))
        return bool(answer.get("status", {}).get("allowed"))

    def version(self) -> str:
        """Return the API server's version, such as ``v1.36.3``.

        Raises:
            PlatformError: the API server doesn't answer, or refuses.
        """
        return str(self._required(*self._ask("GET", "/version")).get("gitVersion", ""))

    def log(self, pod: Pod, lines: int = 200) -> str:
        """Return the end of what a pod's main container has printed; empty where nothing is kept.

        Raises:
            PlatformError: the API server doesn't answer.
        """
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
        status, answer = self._ask("GET", path, [("tailLines", str(lines))], kind="str")
        return str(answer) if status < 300 else ""  # noqa: PLR2004 - HTTP

    # Within ----------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        kind: str = "object",
    ) -> tuple[int, Any]:
        from kubernetes.client.exceptions import ApiException

        try:
            answer, status, _ = self.client.call_api(
                path,
                method,
                query_params=query or [],
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                response_type=kind,
                auth_settings=["BearerToken"],
                _request_timeout=_SECONDS,
            )
        except ApiException as error:
            return int(error.status or 0), {"message": clean(str(error.reason))}
        except Exception as error:
            reason = clean(str(getattr(error, "reason", error)))[:_LONGEST]
            raise PlatformError(f"kubernetes ({self.context}): no answer: {reason}") from error
        return int(status), answer

    def _required(self, status: int, answer: Any) -> Mapping[str, Any]:
        if not 200 <= status < 300 or not isinstance(answer, dict):  # noqa: PLR2004 - HTTP
            said = answer.get("message", "") if isinstance(answer, dict) else ""
            raise PlatformError(
                f"kubernetes ({self.context}): status {status}: {said}; see whether `kubectl` may "
                "do it with this context"
            )
        return answer


class PodWatch:
    """Looks at pods every few seconds at the most, and never fails for what it can't see."""

    def __init__(self, cluster: PodsApi | None) -> None:
        """Look at the pods of a cluster; of none, nothing is seen."""
        self._cluster = cluster
        self._next = 0.0
        self._seen: dict[str, list[Pod]] = {}

    def waiting(self, selector: str) -> list[Pod]:
        """Return the pods that labels select and that something keeps from starting."""
        if self._cluster is not None and time.monotonic() >= self._next:
            try:
                self._seen[selector] = [p for p in self._cluster.pods(selector) if p.reason]
            except PlatformError:
                self._seen.clear()
            self._next = time.monotonic() + _PAUSE
        return self._seen.get(selector, [])


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
        client = config.new_client_from_config(file, context=chosen["name"])
    except Exception:  # whatever a kubeconfig of any kind makes of itself
        return None
    return PodsApi(client, chosen["name"], chosen["context"].get("namespace") or "")


def _pod(raw: Mapping[str, Any]) -> Pod:
    metadata = raw.get("metadata") or {}
    return Pod(
        name=str(metadata.get("name")),
        namespace=str(metadata.get("namespace")),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        phase=str((raw.get("status") or {}).get("phase") or ""),
        reason=reason_of(raw),
    )


def reason_of(raw: Mapping[str, Any]) -> str:
    """Return why a pod doesn't start, with what to do; empty where nothing keeps it.

    Args:
        raw: the pod, as the API server gives it.
    """
    name, message = next(_reasons(raw.get("status") or {}), ("", ""))
    if not name:
        return ""
    said = f"{name}: {clean(message)[:_LONGEST]}" if message else name
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
