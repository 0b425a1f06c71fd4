"""The page of a monitor on a real MLflow: an artifact of the champion's run, and tags."""

from __future__ import annotations

import urllib.request

import pytest

from atlas.errors import PlatformError
from atlas.monitor.checked import CheckedPipeline, TriggerState
from atlas.monitor.publishing import CHECKED, PAGE, SPENT, STATE
from atlas.monitor.publishing import _to_mlflow as attach
from atlas.store import ModelPart
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.record import RunRecord
from atlas.tracking.registry import ModelRegistration
from tests.servers import mlflow_server

__all__ = ["mlflow_server"]

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"
    ),
]
DRIFT = TriggerState(name="drift", fired=True, event="ab12", spent=0.0023, budget=0.01)
ROWS = TriggerState(name="new_rows", value=3.0, threshold=9.0)


def test_the_page_is_with_the_champion_and_a_repeat_replaces_it(mlflow_server):
    server = MlflowTracker(mlflow_server)
    tags = {"atlas.run": "monitored", "atlas.pipeline": "monitored"}
    run = server.send(
        RunRecord(
            "monitored", "monitored", "FINISHED", 1_700_000_000_000, 1_700_000_000_001, tags=tags
        )
    )
    parts = {"part": ModelPart("file:///x/p/r/s/o", "a" * 64)}
    number = server.register(ModelRegistration("monitored", "monitored", parts, tags), run)
    checked = CheckedPipeline(
        pipeline="monitored", model="monitored", environment="local", champion=number,
        checked="2026-03-31T06:12:00+00:00", triggers=(DRIFT, ROWS),
    )  # fmt: skip
    for text in ("<p>one é</p>", "<p>two</p>", "<p>two</p>"):
        attach(server, checked, text)
        url = f"{server.url}/get-artifact?path={PAGE}&run_uuid={run}"
        with urllib.request.urlopen(url) as answer:
            assert answer.read().decode() == text
    query = {"name": "monitored", "version": number}
    raw = server.call("GET", "model-versions/get", query)["model_version"]
    found = {tag["key"]: tag["value"] for tag in raw["tags"]}
    assert found[STATE] == "drift: fired"
    assert found[SPENT] == "drift: 0.0023 of 0.01"
    assert found[CHECKED] == checked.checked
    gone = CheckedPipeline(pipeline="p", model="monitored", environment="local", champion="99")
    with pytest.raises(PlatformError, match="there is no version 99 of monitored"):
        attach(server, gone, "x")
