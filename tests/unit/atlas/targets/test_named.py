"""Targets as platforms have them."""

from __future__ import annotations

import pytest

from atlas.errors import TargetError
from atlas.targets import target
from atlas.targets.airflow import Airflow
from atlas.targets.kubeflow import Kubeflow


@pytest.mark.parametrize(
    ("name", "services", "expected"),
    [
        ("airflow", None, Airflow()),
        ("airflow", {"airflow": {"kind": "airflow", "tasks": "docker"}}, Airflow("docker")),
        ("airflow", {"airflow": {"tasks": "kubernetes", "pool": "p"}}, Airflow("kubernetes", "p")),
        ("kubeflow", None, Kubeflow()),
        ("kubeflow", {"kubeflow": {"kind": "kfp.local"}}, Kubeflow()),
        ("kubeflow", {"kubeflow": {"kind": "kubeflow"}}, Kubeflow(exit_handler=True)),
    ],
)
def test_a_target_is_as_the_platform_has_it(name, services, expected):
    assert target(name, services) == expected


def test_what_there_is_none_of():
    with pytest.raises(TargetError, match="nothing is compiled for target 'local'"):
        target("local")
    with pytest.raises(TargetError, match="no tasks 'threads'; expected process or docker or"):
        target("airflow", {"airflow": {"tasks": "threads"}})
