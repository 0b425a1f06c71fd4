"""What a quick look finds of a stack whose fingerprint is the recorded one."""

from __future__ import annotations

from typing import Any

import pytest

from atlas.kinds.handler import Live
from atlas_deploy.diff.deployment import drifted
from atlas_deploy.live.snapshot import Snapshot
from atlas_deploy.live.state import Resource

INPUTS = {
    "owner": "p.dev/training",
    "members": {"p-training": "a1"},
    "plans": {"p-training": "b1"},
    "schedules": {"p-training": "0 6 * * *"},
}


def snapshot(live: dict[str, Any]) -> Snapshot:
    resource = Resource("atlas:index:KubeflowPipelines", "kubeflow", "", INPUTS, INPUTS)
    return Snapshot(resources=[resource], live={"kubeflow": Live(live, live)} if live else {})


def test_what_is_as_the_state_says_has_not_drifted():
    assert not drifted(snapshot(INPUTS))
    assert not drifted(snapshot({**INPUTS, "store": "file:///elsewhere"}))


@pytest.mark.parametrize(
    "live",
    [
        {},
        {**INPUTS, "members": {}},
        {**INPUTS, "plans": {"p-training": "b2"}},
        {**INPUTS, "schedules": {}},
        {**INPUTS, "schedules": {**INPUTS["schedules"], "q-training": "0 7 * * *"}},
    ],
)
def test_what_is_gone_or_differs_has_drifted(live):
    assert drifted(snapshot(live))
