"""The platform's program for AWS, run with mocks: what an account would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import cluster_program

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ZONES = [f"{REGION}{letter}" for letter in "bca"]
ANSWERS: Mapping[str, object] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ZONES},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.example",
        "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
        "identities": [{"oidcs": [{"issuer": "https://oidc.example/id/1"}]}],
        "vpcConfig": {"clusterSecurityGroupId": "sg-cluster", "subnetIds": []},
    },
    "aws:rds/instance:Instance": {"address": "atlas-dev.example"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 3},
}
"""What the account says: its number, its zones, the addresses of what is made."""


def declare(
    state: Path, answers: Mapping[str, object] = ANSWERS, /, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run the program for AWS; see `tests.cluster_program.declare`."""
    wanted = {"target": "aws", "region": REGION, **settings}
    return cluster_program.declare(state, answers, **wanted)
