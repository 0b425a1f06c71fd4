"""What is reported of many deployments together."""

from __future__ import annotations

from atlas_deploy.apply.fleet import count_stacks


def test_two_flows_of_a_stack_are_one_deployment():
    owners = ("one.dev/training", "one.dev/inference", "two.dev/inference")
    assert count_stacks([{"owner": owner, "members": {}} for owner in owners]) == 2
