"""A shadow and a canary, really run in containers: by `atlas run`, and by kfp.local.

pandas goes into the image; it comes from the registry of Python packages. What Airflow makes of
the same pipeline is in `test_scoring_runs.py`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.plan import Plan, resolve
from atlas.store import Store, open_store
from atlas.tracking.registry import CHALLENGER, CHAMPION, LocalRegistry
from tests import yard as yards
from tests.projects import ATLAS, environment
from tests.scoring import ENDING_STEPS, INFERENCE, KILLED, Project, config, training
from tests.stack import ways
from tests.yard import Yard

pytestmark = [
    pytest.mark.stack,
    pytest.mark.containers,
    pytest.mark.long,
    # The first test makes the base image, where no earlier run has made it.
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not()),
]

NAME = "scored"
SCHEDULE = {"inference": {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "start": "2026-01-01"}}
INTERVAL = "2026-03-28T05:00:00+00:00..2026-03-29T04:00:00+00:00"
ONE_DAY = ("--from", "2026-03-28", "--to", "2026-03-29")
COUNT = 40
WAYS = {"shadow": {"shadow": True}, "canary": {"canary": {"share": 0.5, "key": "house"}}}


class Scored:
    """A pipeline with three versions, the last of which kills the process that scores with it."""

    def __init__(self, yard: Yard, folder: Path) -> None:
        self.yard = yard
        self.project = Project(folder)
        (folder / "pyproject.toml").write_text(f'[tool.atlas]\nbase-image = "{yard.base}"\n')
        (folder / "steps.py").write_text(ENDING_STEPS)
        (folder / "requirements.txt").write_text("pandas>=3\npyarrow>=22\n")
        images = {"images": {"base": {"requirements": "requirements.txt"}}}
        defaults = {"defaults": {"image": "base", "cache": False}}
        self.project.write("inference.json", {**INFERENCE, **images, **defaults})
        data = {"scores": {"uri": f"store:{NAME}/"}}
        self.project.write("environments/local.json", {"version": 1, "data": data})
        self.change({})
        self.versions = [self.train(2.0, 1.0), self.train(3.0, 10.0), self.train(KILLED, 1.0)]
        self.change(WAYS["shadow"])
        self.atlas("build")

    def change(self, way: dict[str, Any]) -> None:
        model, columns = {"name": NAME, **way}, {"version": "model_version"}
        more = {"schedule": SCHEDULE, "predictions": columns}
        self.project.write("config.json", config(name=NAME, model=model, **more))

    def atlas(self, *words: str) -> str:
        variables = {**self.yard.variables, "ATLAS_STATE": str(self.yard.state)}
        done = subprocess.run(
            [*ATLAS, *words],
            cwd=self.project.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def train(self, weight: float, by: float) -> str:
        self.project.write("training.json", training(weight, by))
        printed = self.atlas("run", "--flow", "training", "--json")
        return str(json.loads(printed.splitlines()[-1])["version"])

    def aliases(self, challenger: str) -> None:
        registry = LocalRegistry(self.store)
        registry.set_alias(NAME, CHAMPION, self.versions[0])
        registry.set_alias(NAME, CHALLENGER, challenger)

    @property
    def store(self) -> Store:
        return open_store((self.yard.state / "store").as_uri())

    @property
    def plan(self) -> Plan:
        return resolve(self.project.folder)[0].plans["inference"]

    def here(self) -> str:
        """Run inference in containers of this machine; return the run's id."""
        words = ("run", "--flow", "inference", "--isolate", "image", "--interval", INTERVAL)
        return str(json.loads(self.atlas(*words, "--json").splitlines()[-1])["run"])

    def by_kfp(self) -> str:
        """Run inference for the same interval by kfp.local; return the run's id."""
        words = ("backfill", "--target", "kubeflow", "--reprocess", "completed", *ONE_DAY)
        before = set(self.store.runs(NAME))
        self.atlas(*words)
        (run,) = set(self.store.runs(NAME)) - before
        return run

    def table(self, run: str, step: str = "score") -> pd.DataFrame:
        table: pd.DataFrame = self.store.get(NAME, run, step, "scores")
        return table

    def metrics(self, run: str, step: str) -> dict[str, float]:
        outcome = self.store.outcome(NAME, run, step)
        assert outcome is not None
        return dict(outcome.get("metrics", {}))

    def warnings(self, run: str) -> list[str]:
        outcome = self.store.run_outcome(NAME, run)
        assert outcome is not None
        assert (outcome["status"], outcome["missing"]) == ("done", [])
        return list(outcome.get("warnings", ()))

    def model_of(self, run: str, step: str) -> str:
        manifest = self.store.manifest(NAME, run, step, "scores").to_json()
        return str(manifest["model"]["version"])


@pytest.fixture(scope="module")
def scored(yard: Yard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATLAS_STATE", str(yard.state))
        yield Scored(yard, tmp_path_factory.mktemp("scored"))


@pytest.mark.parametrize("way", WAYS)
def test_a_challenger_scores_the_same_by_kfp_local(scored: Scored, way: str) -> None:
    first, second, _ = scored.versions
    scored.change(WAYS[way])
    scored.aliases(second)
    runs = scored.here(), scored.by_kfp()
    for run in runs:
        assert scored.warnings(run) == []
        challengers = scored.table(run, "challenger.score")
        assert list(challengers["price"]) == [30.0 * n for n in range(COUNT)]
        assert set(challengers["model_version"]) == {second}
        assert scored.model_of(run, "challenger.score") == second
        assert scored.model_of(run, "score") == first
        champions = scored.table(run)
        assert set(champions["model_version"]) == ({first} if way == "shadow" else {first, second})
        factors = champions["model_version"].map({first: 2.0, second: 30.0})
        assert (champions["price"] == champions["house"] * factors).all()
    here, there = (ways.ran(scored.store, scored.plan, run) for run in runs)
    assert {*here.steps} == {step.name for step in scored.plan.steps}
    assert there.steps == here.steps
    assert there.kept == here.kept
    compared = "challenger.score" if way == "shadow" else "score"
    metrics = [scored.metrics(run, compared) for run in runs]
    assert metrics[1] == metrics[0]
    agreement = "agreement.price" if way == "shadow" else "canary.agreement.price"
    assert metrics[0][agreement] == 1 / COUNT, "of house 0 alone"


@pytest.mark.parametrize("way", WAYS)
def test_a_challenger_that_is_killed_fails_no_run_of_kfp_local(scored: Scored, way: str) -> None:
    first, _, killer = scored.versions
    scored.change(WAYS[way])
    scored.aliases(killer)
    run = scored.by_kfp()
    (warning,) = scored.warnings(run)
    where = f"the challenger, version {killer}, has failed in challenger.score"
    assert warning.startswith(f"{where}: its process was killed by signal 9")
    assert set(scored.table(run)["model_version"]) == {first}
    assert list(scored.table(run)["price"]) == [2.0 * n for n in range(COUNT)]
    assert scored.yard.podman("ps", "--all", "--quiet") == ""


def test_a_challenger_that_is_gone_runs_idly_by_kfp_local(scored: Scored) -> None:
    first = scored.versions[0]
    scored.change(WAYS["canary"])
    scored.aliases(first)
    run = scored.by_kfp()
    assert scored.warnings(run) == [f"model {NAME}: the challenger is version {first} as well"]
    assert set(scored.table(run)["model_version"]) == {first}
