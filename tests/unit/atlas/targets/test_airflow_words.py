"""What is read out of Airflow's answers; that they are such, tests/stack sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from atlas.plan import Plan
from atlas.targets.airflow.launcher import _exception, _skew, _way_there


def test_the_innermost_exception_is_reported():
    details = [{"exc_type": "A", "exc_value": "outer"}, {"exc_type": "B", "exc_value": "inner"}]
    assert _exception({"error_detail": details}) == "B: inner"
    assert _exception({"event": "Task failed"}) == ""
    assert _exception({"error_detail": ["x"]}) == ""


def test_clocks_that_differ_are_told_and_others_are_not():
    now = datetime.now(UTC)
    assert list(_skew((now - timedelta(seconds=5)).isoformat())) == []
    assert list(_skew("")) == list(_skew("yesterday")) == []
    (behind,) = _skew((now - timedelta(hours=1)).isoformat())
    (ahead,) = _skew((now + timedelta(hours=1)).isoformat())
    assert behind.code == ahead.code == "T312"
    assert behind.severity == "warning"
    assert "behind this machine's" in behind.message
    assert "ahead of this machine's" in ahead.message


def test_what_the_environment_deploys_elsewhere_is_told_with_where():
    plan = Plan("p", "p", "p", "training", "r", "prod", "kubeflow", ())
    assert "prod deploys it to kubeflow: write 'airflow' in its targets.training" in _way_there(
        plan
    )
