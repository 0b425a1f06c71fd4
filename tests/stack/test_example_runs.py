"""The example's pipelines, really run in containers by every target, in two images: one result.

pandas and scikit-learn go into the images; they come from the registry of Python packages.
Airflow's tasks are DockerOperators under the platform's own scheduler.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.images import ImageRegistry
from atlas.models.champions import Champions
from atlas.plan import Plan, resolve
from atlas.store import open_store
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.registry import CHAMPION, LocalRegistry
from atlas_deploy.desired.images import references_of
from tests import yard as yards
from tests.stack import ways
from tests.stack.conftest import Atlas
from tests.stack.deployed import RECIPES, wait_for
from tests.yard import Yard

pytestmark = [
    pytest.mark.stack,
    pytest.mark.containers,
    pytest.mark.long,
    pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not()),
]
TREES = "scikit-learn>=1.9\nskops>=0.16\npandas>=3\npyarrow>=22\nthreadpoolctl\n"


class Example:
    """A copy of the example project, whose platform runs every task in a container.

    Its model is trained in an image of its own, and nothing is taken from the cache.
    """

    def __init__(self, atlas: Atlas, root: Path) -> None:
        self.atlas, self.root = atlas, root
        shutil.copytree(RECIPES, root, ignore=shutil.ignore_patterns("__pycache__", ".atlas"))
        (root / "Pulumi.local.yaml").write_text("config:\n  atlas:tasks: docker\n")
        (root / "tumour" / "trees.txt").write_text(TREES)
        recipes = [root / "tumour" / file for file in ("training.json", "inference.json")]
        training, inference = (json.loads(file.read_text()) for file in recipes)
        training["images"]["trees"] = {"requirements": "trees.txt"}
        training["steps"]["train"]["image"] = "trees"
        for file, recipe in zip(recipes, (training, inference), strict=True):
            recipe["defaults"]["cache"] = False
            file.write_text(json.dumps(recipe))
        environment = root / "environments" / "local.json"
        targets = {"training": "airflow", "inference": "airflow"}
        environment.write_text(
            json.dumps({**json.loads(environment.read_text()), "targets": targets})
        )
        self.services = json.loads(self.run("up", "--json").stdout)["services"]
        self.store = open_store(self.services["store"]["url"])

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.atlas.run(*words, cwd=self.root)

    def started(self, *words: str) -> str:
        """Run something that tells the id of a run; return it."""
        return str(json.loads(self.run(*words, "--json").stdout.splitlines()[-1])["run"])

    @property
    def champions(self) -> Champions:
        secret = self.atlas.state / "secrets" / "mlflow.json"
        tracker = MlflowTracker(self.services["mlflow"]["url"], str(secret))
        return Champions(self.store, tracker, "tumour")

    def champion(self) -> str:
        current = self.champions.current()
        assert current is not None
        return current.version

    def set_champion(self, version: str) -> None:
        """Move the alias as somebody would by hand: each way is to beat the same champion."""
        for registry in (self.champions.registry, LocalRegistry(self.store)):
            registry.set_alias("tumour", CHAMPION, version)

    def reason(self, run: str) -> str:
        """Return why the version of a run was promoted."""
        outcome = self.store.run_outcome("tumour", run)
        assert outcome is not None
        assert outcome["promotion"]["promoted"], outcome
        return str(outcome["promotion"]["reason"])

    @property
    def docker(self) -> dict[str, str]:
        """The variables of who speaks to the platform's engine."""
        place = self.atlas.state / "platform" / "local"
        host = f"unix://{place}/containers/podman.sock"
        return {"DOCKER_HOST": host, "DOCKER_CONFIG": str(place / "registry")}


@pytest.fixture
def example(atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    yard = Yard.beside(tmp_path / "yard", atlas.state, 0)
    for name, value in yard.variables.items():
        monkeypatch.setenv(name, value)
    try:
        made = Example(atlas, tmp_path / "project")
        yard.port = int(made.services["registry"]["url"].rpartition(":")[2])
        yard.push_base()
        (made.root / "pyproject.toml").write_text(f'[tool.atlas]\nbase-image = "{yard.base}"\n')
        yield made
    finally:
        atlas.run("down")
        yard.close()


def test_the_example_comes_out_the_same_everywhere(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = example.atlas.state / "store" / "data"
    subprocess.run([sys.executable, "tumour/make_data.py", data], cwd=example.root, check=True)
    example.run("build", "tumour")
    monkeypatch.setenv("ATLAS_STATE", str(example.atlas.state))
    monkeypatch.chdir(example.root)
    (pipeline,) = resolve(Path("tumour"))
    training, inference = pipeline.plans["training"], pipeline.plans["inference"]
    assert len({references_of([pipeline])(training)[step.image] for step in training.steps}) == 2

    check_trainings(example, training)

    # The schedule has asked for the latest interval as soon as there was a model.
    scored = wait_for(lambda: finished(example, inference), 120)
    interval = example.store.run("tumour", scored)
    assert interval.model is not None
    example.set_champion(interval.model.version)  # It may have begun while the weak one was it.
    words = ("run", "tumour", "--flow", "inference", "--isolate", "image", "--interval")
    again = example.started(*words, f"{interval.interval_start}..{interval.interval_end}")
    package = tmp_path / "inference.yaml"
    images = references_of([pipeline])(inference)
    (content,) = KubeflowCompiler(local=True).compile(inference, images).values()
    package.write_bytes(content)
    asked = {
        "atlas_run": "by-kfp",
        "atlas_interval_start": interval.interval_start,
        "atlas_interval_end": interval.interval_end,
    }
    ways.with_kfp(package, example.services["store"]["url"], asked, example.docker)
    ran = [seen(example, inference, run) for run in (scored, again, "inference-by-kfp")]
    assert all({*of} == {"load", "features.scale", "score", "write"} for of in ran)
    made = [{step: of[step] for step in ("load", "features.scale")} for of in ran]
    assert made[1] == made[0]
    assert made[2] == made[0]
    tables = [predictions(example, run) for run in (scored, again, "inference-by-kfp")]
    assert tables[1].equals(tables[0])
    assert tables[2].equals(tables[0])

    # An image that has gone is reported before anything starts.
    pinned = references_of([pipeline])(training)["trees"].partition("/")[2]
    repository, _, digest = pinned.partition("@")
    secret = example.atlas.state / "secrets" / "registry.json"
    ImageRegistry.at(example.services["registry"]["url"], secret).delete(repository, digest)
    refused = example.atlas.run("train", "tumour", "--target", "airflow", cwd=example.root, code=1)
    assert f"images that were pushed are gone: {pinned}; `atlas build" in refused.stderr


def check_trainings(example: Example, training: Plan) -> None:
    """Train by each way, against the same weak champion: one result, and one decision."""
    config = example.root / "tumour" / "config.json"
    text = config.read_text()
    assert '{"trees": 200}' in text
    config.write_text(text.replace('{"trees": 200}', '{"trees": 3}'))
    example.started("run", "tumour", "--flow", "training")
    config.write_text(text)
    weak = example.champion()

    here = example.started("run", "tumour", "--flow", "training", "--isolate", "image")
    example.set_champion(weak)
    by_kfp = example.started("train", "tumour", "--target", "kubeflow")
    example.set_champion(weak)
    example.run("deploy", "tumour")
    by_airflow = example.started("train", "tumour", "--target", "airflow")
    trained = (here, by_kfp, by_airflow)
    runs = [seen(example, training, run) for run in trained]
    assert {*runs[0]} == {"load", "features.scale", "split", "train", "evaluate"}
    assert "champion.row_metrics" in runs[0]["evaluate"][2]
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]
    reasons = {example.reason(run) for run in trained}
    assert len(reasons) == 1, reasons
    (reason,) = reasons
    assert "on the same 171 rows: better (" in reason
    assert "none of 2 slices by size is worse" in reason
    check_tags(example, training, trained)
    # What another target has trained is promoted by the same command.
    for run in (by_kfp, by_airflow):
        example.set_champion(weak)
        (done,) = json.loads(example.run("promote", "tumour", "--run", run, "--json").stdout)
        assert (done["run"], done["promoted"], done["previous"]) == (run, True, weak)


def check_tags(example: Example, plan: Plan, runs: tuple[str, ...]) -> None:
    """Hold the tags of the versions to what each way knows: the same, but for the run and its ids."""
    versions = {v.tags["atlas.run"]: v.tags for v in example.champions.registry.versions("tumour")}
    tags = [versions[run] for run in runs]
    images = references_of(resolve(Path("tumour")))(plan)
    digests = {step.name: images[step.image].partition("@")[2] for step in plan.steps}
    # Here and by kfp.local, steps run in images of this machine's engine, which have no digest.
    by_airflow = json.loads(tags[2]["atlas.images"])
    assert {step: text.partition("@")[2] for step, text in by_airflow.items()} == digests
    for of in tags:
        assert json.loads(of["atlas.images"]).keys() == digests.keys()
        assert json.loads(of["atlas.data.tumours"])["sha256"]
        signature = json.loads(of["atlas.signature"])
        assert list(signature["inputs"]) == ["evaluate.rows", "features.scale.rows", "train.rows"]
        assert list(signature["outputs"]) == ["evaluate.row_metrics", "features.scale.rows"]
    own = ("run", "card", "images", "kubeflow.run", "trigger", "commit", "dirty")
    own += ("interval.start", "interval.end")  # A run that Airflow is asked for has one.
    shared = [_without(of, *own) for of in tags]
    assert shared[1] == shared[0]
    assert shared[2] == shared[0]
    assert ["atlas.kubeflow.run" in of for of in tags] == [False, True, False]


def _without(tags: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Return a version's tags without some, and its parts without the folders of its run."""
    kept = {n: text for n, text in tags.items() if n.removeprefix("atlas.") not in names}
    parts = json.loads(kept["atlas.parts"])
    return {**kept, "atlas.parts": {n: (of["sha256"], of["manifest"]) for n, of in parts.items()}}


def predictions(example: Example, run: str) -> pd.DataFrame:
    """Return what a run has predicted, without its own id, which each row has."""
    table = example.store.get("tumour", run, "score", "scores")
    assert set(table["run_id"]) == {run}
    return table.drop(columns="run_id")


def finished(example: Example, plan: Plan) -> str:
    """Return the id of the scheduled run, once it is done."""
    found = [run for run in example.store.runs("tumour") if run.startswith("inference-2")]
    done = [one for one in found if example.store.run_outcome("tumour", one)]
    return done[0] if done else ""


def seen(example: Example, plan: Plan, run: str) -> dict[str, Any]:
    """Return what has to be the same: the digests of each step's making, and of its outputs."""
    ran = ways.ran(example.store, plan, run)
    assert ran.status == "done"
    return {
        name: (one.status, one.attempts, one.outputs, one.parts) for name, one in ran.steps.items()
    }
