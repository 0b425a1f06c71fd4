"""What is read out of Airflow's answers; that they are such, tests/stack sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from atlas.plan import Plan
from atlas_cli.training.airflow import _exception, _printed, _skew, _way_there

HOOK = "airflow.task.hooks.airflow.providers.standard.hooks.subprocess.SubprocessHook"


def entry(event: str, logger: str = HOOK) -> dict[str, str]:
    return {"event": event, "logger": logger, "level": "info"}


def test_only_what_the_step_has_printed_is_its_log():
    entries = [
        entry("DAG bundles loaded: atlas", "airflow.dag_processing.bundles.manager"),
        entry("Tmp dir root location: /tmp"),
        entry("Output:"),
        entry("loading 3"),
        entry("Output: none"),
        entry("Command exited with return code 0"),
        entry("::group::Post Execute", "task"),
    ]
    assert list(_printed(entries)) == ["loading 3", "Output: none"]


def test_a_container_log_has_no_such_head():
    entries = [entry("loading", "airflow.task.operators.docker.DockerOperator")]
    assert list(_printed(entries)) == ["loading"]


def test_the_innermost_exception_is_told():
    details = [{"exc_type": "A", "exc_value": "outer"}, {"exc_type": "B", "exc_value": "inner"}]
    assert _exception({"error_detail": details}) == "B: inner"
    assert _exception({"event": "Task failed"}) == ""


def test_clocks_that_differ_are_told_and_others_are_not():
    now = datetime.now(UTC)
    assert list(_skew((now - timedelta(seconds=5)).isoformat())) == []
    assert list(_skew(None)) == []
    (behind,) = _skew((now - timedelta(hours=1)).isoformat())
    (ahead,) = _skew((now + timedelta(hours=1)).isoformat())
    assert behind.code == ahead.code == "T312"
    assert behind.severity == "note"
    assert "behind this machine's" in behind.message
    assert "ahead of this machine's" in ahead.message


def test_what_the_environment_deploys_elsewhere_is_told_with_where():
    plan = Plan("p", "p", "p", "training", "r", "prod", "kubeflow", ())
    assert "prod deploys it to kubeflow: write 'airflow' in its targets.training" in _way_there(
        plan
    )
