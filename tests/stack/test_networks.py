"""Deploys, trainings and syncs at once, over networks before the real MLflow, Airflow and Pushgateway.

They drop, delay, repeat and garble; in the end there is exactly one of everything.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from atlas.http.credentials import read_secret
from atlas.targets.airflow.api import AirflowApi
from atlas.tracking.mlflow import MlflowTracker
from tests.contract.test_once import PARAMETERS, SOURCE, TRAIN
from tests.flaky import ALL, Flaky, flaky
from tests.projects import Project

pytestmark = pytest.mark.stack

SERVICES = ("airflow", "mlflow", "pushgateway")
TRIES = 6
NUMBERS = range(4)
"""Of the runs on Airflow and of those here; each makes another model, for one that is the very same
as the champion adds no version."""


class Networked:
    """Two pipelines of a project on the session's platform, behind a proxy before each server."""

    def __init__(self, platform: Any, proxies: dict[str, Flaky], root: Path) -> None:
        self.platform, self.proxies, self.project = platform, proxies, Project(root)
        self.said: list[str] = []
        outputs = deepcopy(dict(platform.outputs))
        for name, proxy in proxies.items():
            outputs["services"][name]["url"] = proxy.url
        self.project.write("platform.json", json.dumps(outputs))
        targets = {"training": "airflow"}
        self.project.environment(platform={"outputs": "platform.json"}, targets=targets)
        for name in ("net-a", "net-b"):
            model = {"model": {"name": f"{name}-model", "from": {"part": "train.model"}}}
            self.project.pipeline(name, SOURCE, TRAIN, config=model, parameters=PARAMETERS)

    def run(self, *words: str, seconds: str = "5") -> int:
        """Run a command and return its exit code: it may fail, with a message."""
        done = subprocess.run(
            self.platform.command(*words),
            env={**self.platform.environment, "ATLAS_HTTP_TIMEOUT": seconds},
            cwd=self.project.root, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        self.said.append(done.stdout + done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert done.returncode in (0, 1), done.stderr
        assert done.returncode == 0 or done.stdout + done.stderr
        return done.returncode

    def until_done(self, *words: str) -> None:
        """Repeat a command; the last time without faults, for by chance each try may meet one."""
        if any(self.run(*words) == 0 for _ in range(TRIES)):
            return
        with self.calm():
            assert self.run(*words, seconds="60") == 0, self.said[-1]

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Let no request meet a fault."""
        with ExitStack() as stack:
            for proxy in self.proxies.values():
                stack.enter_context(proxy.calm())
            yield

    def sync(self) -> None:
        """Send all that waits; what MLflow took too long for rests for one time-out."""
        outbox = self.platform.state / "outbox"
        for _ in range(TRIES):
            if list(outbox.glob("*.json")):
                self.run("runs", "--sync")
        end = time.monotonic() + 120
        with self.calm():
            while list(outbox.glob("*.json")):
                assert time.monotonic() < end, f"the outbox isn't empty; last said: {self.said[-1]}"
                assert self.run("runs", "--sync", seconds="60") == 0, self.said[-1]

    def evidence(self, name: str) -> str:
        """Return how the runs of a pipeline ended, and what waits."""
        files = self.platform.state.glob(f"store/{name}/*/outcome.json")
        ends = [f"{file.parent.name}: {file.read_text()}" for file in sorted(files)]
        waiting = [file.read_text() for file in (self.platform.state / "outbox").glob("*.json")]
        return "\n".join([*ends, "outbox:", *waiting])

    @property
    def airflow(self) -> AirflowApi:
        services = self.platform.outputs["services"]
        airflow = services["airflow"]
        return AirflowApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])

    def dag_runs(self, name: str) -> Counter[str]:
        _, answer = self.airflow._call("GET", f"dags/{name}-training/dagRuns?limit=100")
        return Counter(one["dag_run_id"] for one in answer["dag_runs"])

    def tracked(self, monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[Counter[str], list[str]]:
        """Return how often each run is in MLflow, and the runs that versions are of."""
        secret = read_secret(self.platform.state / "secrets", "mlflow")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", secret["username"])
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret["password"])
        server = MlflowTracker(self.platform.url("mlflow"))
        experiment = server.call("GET", "experiments/get-by-name", {"experiment_name": name})
        assert experiment
        wanted = {"experiment_ids": [experiment["experiment"]["experiment_id"]]}
        found = server.call("POST", "runs/search", {**wanted, "max_results": 1000}) or {}
        tags = [{t["key"]: t["value"] for t in one["data"]["tags"]} for one in found["runs"]]
        versions = [one.tags["atlas.run"] for one in server.versions(f"{name}-model")]
        return Counter(one["atlas.run"] for one in tags), versions


@pytest.fixture
def networked(platform, tmp_path) -> Iterator[Networked]:
    with ExitStack() as stack:
        proxies = {
            name: stack.enter_context(
                flaky(platform.url(name), rate=0.08, faults=ALL, seed=seed, late=6.0)
            )
            for seed, name in enumerate(SERVICES)
        }
        made = Networked(platform, proxies, tmp_path)
        yield made
        for proxy in proxies.values():
            proxy.rate = 0.0
        assert made.run("destroy", ".", seconds="60") == 0


def test_one_of_everything(networked, monkeypatch):
    works = [lambda: networked.until_done("deploy", "net-b")]
    networked.until_done("deploy", "net-a")
    trainings = [("train", "net-a", "--run", f"net-{n}", "--set", f"value={n}") for n in NUMBERS]
    works += [lambda words=words: networked.run(*words) for words in trainings]
    works += [
        lambda n=n: networked.run("run", "net-b", "--flow", "training", "--set", f"value={n}")
        for n in NUMBERS
    ]
    works += [lambda: networked.run("runs", "--sync")] * 2
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda work: work(), works))
    for words in trainings:
        networked.until_done(*words)
    networked.sync()
    assert sum(sum(proxy.met.values()) for proxy in networked.proxies.values()) > 5
    assert networked.dag_runs("net-a") == {f"training-net-{n}": 1 for n in NUMBERS}
    for name in ("net-a", "net-b"):
        tracked, versions = networked.tracked(monkeypatch, name)
        assert (len(tracked), {*tracked.values()}) == (len(NUMBERS), {1})
        assert sorted(versions) == sorted(tracked), networked.evidence(name)
