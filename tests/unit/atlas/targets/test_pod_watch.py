"""What is reported of pods that don't start: each reason once, without what the scheduler adds."""

from __future__ import annotations

import pytest

from atlas.pods import Pod, reason_of
from atlas.targets.pod_watch import unstarted


def pod(name: str, reason: str) -> Pod:
    return Pod(name, "team", {}, {}, "Pending", "main", reason)


def test_pods_with_one_reason_are_one_line() -> None:
    pods = [pod("a", "no room"), pod("b", "no image"), pod("c", "no room"), pod("d", "no room")]
    assert unstarted(pods) == [
        "3 pods don't start, such as a: no room",
        "pod b doesn't start: no image",
    ]
    assert unstarted([]) == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new ones to deallocate, "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu",
        ),
        (
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No "
            "preemption victims found for incoming pod.",
            "0/3 nodes are available: 3 Insufficient cpu",
        ),
        ("0/2 nodes are available. More of it.", "0/2 nodes are available. More of it."),
    ],
    ids=["v1.36", "before", "another"],
)
def test_why_no_node_takes_a_pod_is_said_without_preemption(message: str, said: str) -> None:
    condition = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
    }  # fmt: skip
    reason = reason_of({"status": {"phase": "Pending", "conditions": [condition]}})
    assert reason.startswith(f"Unschedulable: {said} (ask for less")
