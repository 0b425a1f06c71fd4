"""Monitors as targets see them: who runs one, and what its tasks know."""

from __future__ import annotations

import re

import pytest

from atlas.targets import CompileSite, Monitor, monitor_target
from atlas.targets.airflow.api import Dag
from atlas.targets.monitors import services_here

AIRFLOW = {"url": "http://127.0.0.1:8080", "credentials": "airflow"}
DAGS = {"kind": "folder", "url": "file:///dags"}


def test_a_platform_without_airflow_runs_no_monitor():
    assert monitor_target({}) is None
    assert monitor_target({"airflow": AIRFLOW}) is None
    found = monitor_target({"airflow": AIRFLOW, "dags": DAGS})
    assert found is not None
    assert found.kind.is_per_pipeline is False


def test_tasks_know_of_an_orchestrator_by_their_variables():
    assert services_here({}) == {}
    found = services_here(
        {
            "ATLAS_AIRFLOW_URL": "http://a",
            "ATLAS_AIRFLOW_CREDENTIALS": "/vault/airflow.json",
            "ATLAS_KUBEFLOW_URL": "http://k",
            "ATLAS_KUBEFLOW_NAMESPACE": "team",
        }
    )
    assert found == {
        "airflow": {"url": "http://a", "secret": "/vault/airflow.json"},
        "kubeflow": {"url": "http://k", "secret": "", "namespace": "team"},
    }


def test_a_very_large_family_has_several_dags():
    target = monitor_target({"airflow": AIRFLOW, "dags": DAGS})
    assert target is not None
    names = [f"big-{n:04d}" for n in range(2001)]
    monitor = Monitor(name="big-monitor", content="a" * 64, pipelines=names)
    files = target.compile(monitor, CompileSite({"airflow": AIRFLOW, "dags": DAGS}))
    assert [*files] == ["big-monitor.py", "big-monitor-2.py", "big-monitor-3.py"]
    found = [re.findall(r'^    "(big-\d+)",$', text.decode(), re.M) for text in files.values()]
    assert [len(some) for some in found] == [1000, 1000, 1]
    assert [name for some in found for name in some] == names


@pytest.mark.parametrize("kind", ["plan", "monitor"])
def test_what_a_dag_was_compiled_from_is_in_one_of_its_tags(kind):
    """Other tags may be called as the kind is."""
    dag = Dag(frozenset(["atlas", kind, f"{kind}:0123456789ab"]), False, False, "")
    assert dag.plan == "0123456789ab"
    assert dag.is_of("0123456789ab" + "0" * 52)
    assert not dag.is_of("f" * 64)
