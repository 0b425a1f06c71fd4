"""The status of deployments for a person."""

from __future__ import annotations

from atlas_deploy.operations.render import render_status
from atlas_deploy.operations.status import DeploymentStatus, ResourceStatus


def test_what_keeps_a_run_from_going_on_is_said_with_the_run():
    why = "pod a-1 doesn't start: Unschedulable: 0/3 nodes are available (ask for less)"
    resource = ResourceStatus(
        name="dags", members={"it-training": "d"}, plans={"it-training": "p"}, drift={}, paused=(),
        runs={"it-training": ("run-7", "running")}, disk={}, unstarted={"it-training": [why]},
    )  # fmt: skip
    status = DeploymentStatus(None, [resource], broken=False, undeployed=(), unfinished=False)
    lines = render_status("it.dev", status, lambda headers, rows: "TABLE").splitlines()
    assert lines[1:3] == ["TABLE", f"it-training run-7: {why}"]
    assert status.to_json()["resources"][0]["unstarted"] == {"it-training": [why]}
