"""Many runs at a time: their pods are scheduled and complete, by a number of calls that is linear."""

from __future__ import annotations

import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.step_pods import played

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(2400)]
FEW, MANY, STEPS = 25, 100, 10
MORE = 1.5
"""How many times as many calls a pod may take among four times as many."""


def test_a_thousand_pods_take_as_many_calls_each_as_fewer(cluster: Cluster) -> None:
    if not cluster.is_ours:
        pytest.skip("only simulated nodes complete a pod without running it")
    few, many = played(cluster, FEW, STEPS), played(cluster, MANY, STEPS)
    print(f"\n{few}\n{many}")
    assert many.pods == MANY * STEPS
    assert many.calls / many.pods <= MORE * few.calls / few.pods
