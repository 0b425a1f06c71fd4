"""Taking away what a deployment left, on the real platform: all of it, and nothing of another stack."""

from __future__ import annotations

import json
import urllib.error

import pytest

from tests.stack.deployed import Pipeline, call, pipeline

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]


def environment(pipeline: Pipeline, name: str, targets: dict[str, str]) -> None:
    """Write another Environment of the same platform, without a prefix."""
    folder = pipeline.folder.parent / "environments"
    local = json.loads((folder / "local.json").read_text())
    (folder / f"{name}.json").write_text(json.dumps({**local, "targets": targets}))


def has_model(pipeline: Pipeline) -> bool:
    url = pipeline.platform.url("mlflow")
    try:
        where = f"{url}/api/2.0/mlflow/registered-models/get?name={pipeline.name}"
        call(where, headers=pipeline.platform.opens("mlflow"))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def test_a_name_of_another_stack_is_told_before_anything_is_made(pipeline):
    pipeline.deploy()
    environment(pipeline, "twin", {"training": "airflow", "inference": "airflow"})
    for command in ("preview", "deploy"):
        told = pipeline.atlas(command, pipeline.folder.name, "--env", "twin", code=1)
        assert f"D016: {pipeline.dag}: belongs to stack {pipeline.name}.local" in told.stderr
    status = pipeline.atlas("status", pipeline.folder.name, "--env", "twin")
    assert "not deployed" in status.stdout


def test_purge_takes_all_but_what_another_stack_deploys(pipeline):
    pipeline.deploy()
    environment(pipeline, "other", {"training": "airflow", "inference": "local"})
    pipeline.atlas("deploy", pipeline.folder.name, "--env", "other")
    run = pipeline.store / pipeline.name / "training-kept"
    run.mkdir(parents=True)

    words = ("destroy", pipeline.folder.name, "--purge", "--yes")
    done = pipeline.atlas(*words, "--env", "other")
    for what in ("model", "pipeline"):
        line = f"{what} {pipeline.name} stays: stack {pipeline.name}.local deploys it, too"
        assert line in done.stdout
    assert has_model(pipeline)
    assert run.exists()
    assert [one["drift"] for one in pipeline.status().values()] == [{}, {}, {}]

    done = pipeline.atlas(*words)
    assert "stays" not in done.stdout
    assert not has_model(pipeline)
    assert not run.exists()
