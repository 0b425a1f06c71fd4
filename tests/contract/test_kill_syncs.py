"""`kill -9` of runs and of syncs over a real MLflow: in the end it has one of everything."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from atlas.tracking.mlflow import MlflowTracker
from tests.contract.test_once import PARAMETERS, SOURCE, TRAIN, runs_of, tag
from tests.projects import ATLAS, Project, environment, project

__all__ = ["project"]

LONGEST_SECONDS = 2.0


def start(project: Project, url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ATLAS, *arguments],
        cwd=project.root, text=True, env=environment(ATLAS_MLFLOW_URL=url),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def killed(process: subprocess.Popen[str], seconds: float) -> str:
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=200)[0]


@pytest.mark.parametrize(
    ("kills", "sync_kills"), [(10, 3), pytest.param(20, 6, marks=pytest.mark.long)]
)
def test_one_of_everything_after_kills(
    project: Project, mlflow_server: str, kills: int, sync_kills: int
) -> None:
    config = {"model": {"name": "killed-model", "from": {"part": "train.model"}}}
    project.pipeline("killed", SOURCE, TRAIN, config=config, parameters=PARAMETERS)
    dice = random.Random(13)
    told = []
    for number in range(kills):
        run = start(project, mlflow_server, "run", "killed", "--set", f"value={number}")
        told.append(killed(run, dice.uniform(0.2, LONGEST_SECONDS)))
    for _ in range(sync_kills):
        pair = [start(project, mlflow_server, "runs", "--sync") for _ in range(2)]
        told.append(killed(pair[0], dice.uniform(0.3, LONGEST_SECONDS)))
        told.append(pair[1].communicate(timeout=250)[0])
    last = start(project, mlflow_server, "runs", "--sync")
    told.append(last.communicate(timeout=250)[0])
    assert not [text for text in told if "Traceback" in text]
    assert last.returncode == 0, told[-1]
    assert not list(Path(project.state, "outbox").glob("*.json")), told[-1]
    server = MlflowTracker(mlflow_server)
    bound = project.store.runs("killed")
    assert Counter(tag(run, "atlas.run") for run in runs_of(server, "killed")) == Counter(bound)
    assert not [r for r in runs_of(server, "killed") if r["info"]["status"] == "RUNNING"]
    versions = Counter(version.tags["atlas.run"] for version in server.versions("killed-model"))
    outcomes = {one: project.store.run_outcome("killed", one) or {} for one in bound}
    done = [one for one, outcome in outcomes.items() if outcome.get("status") == "done"]
    assert versions == Counter(done)
