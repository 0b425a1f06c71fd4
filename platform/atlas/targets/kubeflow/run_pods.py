"""The pods of a run on a cluster: which step's each is, and what keeps the run from making one.

Argo Workflows runs KFP's tasks. A pod names its node of the workflow in an annotation:
``RUN.root.TASK.executor`` runs a task's container, with ``(ITERATION:…)`` on the way in a loop, and
``(ATTEMPT)`` at the end of one that may be tried again; a driver's, which prepares a task, ends in
another word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError, clean
from atlas.targets.pod_watch import unstarted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.targets.pod_watch import PodWatch

_NODE = "workflows.argoproj.io/node-name"
_EXECUTOR = re.compile(r"\.([a-z0-9-]+)(?:\(\d+\))?\.executor(?:\(\d+\))?$")
_ITERATION = re.compile(r"\((\d+):")
_AROUND = re.compile(
    r"time=\S+ level=\w+ .*\bargo=true\b"  # Argo's executor
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\.go:\d+\] "  # Kubeflow's launcher
)
_WORKFLOWS = "/apis/argoproj.io/v1alpha1/workflows"
_LONGEST = 300


def run_selector(run: str) -> str:
    """Return what selects the pods, and the workflow, of a run by Kubeflow's id of it."""
    return f"pipeline/runid={run}"


def unit_of(annotations: Mapping[str, str]) -> tuple[str, int | None]:
    """Return the task and the iteration that a pod runs; an empty name for a driver's pod."""
    node = annotations.get(_NODE, "")
    task = _EXECUTOR.search(node)
    iterations = _ITERATION.findall(node)
    return (task[1] if task else "", int(iterations[-1]) if iterations else None)


def of_step(log: str) -> str:
    """Return what a step has printed of what its pod has: without what Argo and Kubeflow add."""
    lines = log.splitlines(keepends=True)
    return "".join(line for line in lines if not _AROUND.match(line))


def waiting(pods: PodWatch, run: str) -> list[str]:
    """Return why pods of a run don't start, and why there are none where there should be."""
    found = pods.waiting(run_selector(run))
    return unstarted(found) or _refused(pods, run)


def _refused(pods: PodWatch, run: str) -> list[str]:
    """Return why Argo couldn't make pods, such as a quota that is used up; it tries again."""
    api = pods.cluster
    if api is None:
        return []
    try:
        found = api.cluster.get(_WORKFLOWS, {"labelSelector": run_selector(run)}) or {}
    except PlatformError:
        return []
    nodes = [
        node
        for workflow in found.get("items") or ()
        for node in ((workflow.get("status") or {}).get("nodes") or {}).values()
    ]
    messages = [str(node.get("message")) for node in nodes if _is_refused(node)]
    return [f"no pod can be made: {clean(text, _LONGEST)}" for text in dict.fromkeys(messages)]


def _is_refused(node: Mapping[str, Any]) -> bool:
    """Tell whether a node of a workflow waits for its pod to be made."""
    is_pending = node.get("type") == "Pod" and node.get("phase") == "Pending"
    return is_pending and "forbidden" in str(node.get("message"))
