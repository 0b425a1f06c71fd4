"""Going back to an earlier deployment on the real platform, and being killed on the way."""

from __future__ import annotations

import json
import signal

import pytest

from tests.stack.deployed import pipeline

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]


def test_rolling_back_and_forth(pipeline):
    pipeline.deploy()
    first = pipeline.status()
    pipeline.trees(55)
    pipeline.deploy()
    second = pipeline.status()
    assert first["training-kubeflow"]["plans"] != second["training-kubeflow"]["plans"]

    done = pipeline.atlas("rollback", pipeline.folder.name)
    assert "step train: params.trees 55→200" in done.stdout
    assert "as deployment 1 was" in done.stdout
    assert {n: one["plans"] for n, one in pipeline.status().items()} == {
        n: one["plans"] for n, one in first.items()
    }  # fmt: skip
    pipeline.atlas("rollback", pipeline.folder.name, "--to", "2")
    assert pipeline.status()["inference-airflow"]["plans"] == second["inference-airflow"]["plans"]
    (entries,) = json.loads(
        pipeline.atlas("history", pipeline.folder.name, "--json").stdout
    ).values()
    assert [(e["number"], e["action"], e["to"]) for e in entries] == [
        (1, "deploy", 0), (2, "deploy", 0), (3, "rollback", 1), (4, "rollback", 2)
    ]  # fmt: skip
    refused = pipeline.atlas("rollback", pipeline.folder.name, "--to", "9", code=1)
    assert "no deployment 9" in refused.stderr
    pipeline.atlas("refresh", pipeline.folder.name)
    assert pipeline.deploy() == []


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGKILL],
    ids=["ctrl-c", "kill"],
)
def test_an_interrupted_rollback_converges_when_it_is_repeated(pipeline, number):
    wanted = {}
    for to in ("1", "2"):
        pipeline.touch(int(to))
        pipeline.deploy()
        wanted[to] = {name: one["plans"] for name, one in pipeline.status().items()}
    assert wanted["1"] != wanted["2"]
    for to, delay in (("1", 0.8), ("2", 1.8), ("1", 3.2)):
        words = ("rollback", pipeline.folder.name, "--to", to)
        pipeline.interrupted(number, delay, *words)
        pipeline.atlas(*words)
        found = pipeline.status()
        assert {name: one["plans"] for name, one in found.items()} == wanted[to]
        assert [one["drift"] for one in found.values()] == [{}, {}, {}]
        dag = pipeline.airflow.dags([pipeline.dag])[pipeline.dag]
        assert dag.is_of(wanted[to]["inference-airflow"][pipeline.dag])
