"""The status of deployments for a person."""

from __future__ import annotations

import pytest

from atlas_deploy.operations.promotions import render_waiting
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


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        ({"m-a": "3"}, "m-a version 3 waits"),
        ({"m-b": "1", "m-a": "3"}, "m-a version 3, m-b version 1 wait"),
        (
            {f"m-{letter}": "1" for letter in "edcba"},
            "m-a version 1, m-b version 1, m-c version 1 and 2 more wait",
        ),
    ],
    ids=["one", "two", "many"],
)
def test_versions_that_wait_for_their_family_are_one_line(waiting, told):
    (line,) = render_waiting(waiting)
    assert line.startswith(f"promotion: {told} for the rest of the family; `atlas promote")


def test_where_no_version_waits_nothing_is_said():
    assert render_waiting({}) == []
    status = DeploymentStatus(None, [], broken=False, undeployed=(), unfinished=False)
    assert status.to_json()["waiting"] == {}
