"""A secret that steps in containers tell in every way they can is found nowhere.

The steps run in a real image by `atlas run --isolate image`, by kfp.local (`atlas train`) and by
Airflow's DockerOperator. Then all that was printed, every file of the state folder, of Airflow's
home and of the engine's logs, and all that MLflow answers are searched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.store import add_code
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.folder import LOG
from atlas_deploy.desired.images import references_of
from infra.local import mlflow as infra_mlflow
from infra.local import registry as infra_registry
from tests import canary
from tests import yard as yards
from tests.projects import Project, environment
from tests.servers import MlflowServer, platform_mlflow
from tests.stack import ways
from tests.stack.conftest import Platform
from tests.stack.mlflow_answers import mlflow_answers
from tests.yard import Yard

__all__ = ["platform_mlflow"]

pytestmark = [
    pytest.mark.stack,
    pytest.mark.containers,
    pytest.mark.long,
    # The first test makes the base image, where no earlier run has made it.
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not()),
]

NAMES = ("Tell", "Below", "Raise")
SECONDS = 400


class Told:
    """The pipeline, after a run in each way.

    Attributes:
        platform: a registry and an MLflow; the state folder is the project's own.
        printed: what each way has printed.
        runs: the id of the run that each way has made.
        airflow_home: the folder of Airflow's database.
    """

    def __init__(self, yard: Yard, mlflow: MlflowServer, root: Path) -> None:
        self.yard, self.root = yard, root
        self.project = Project(root / "project")
        self.project.write("pyproject.toml", f'[tool.atlas]\nbase-image = "{yard.base}"\n')
        self.pem = self.project.write("key.txt", canary.PEM)
        secrets = {"canary": canary.SECRETS["canary"], "pem": {"file": str(self.pem)}}
        self.project.environment(secrets=secrets)
        steps = canary.steps(*NAMES)
        steps["raise"]["after"] = ["tell", "below"]  # kfp.local stops at the first failure.
        self.project.pipeline("told", canary.SOURCE, steps, defaults={"cache": False})
        self.platform = platform_of(yard, mlflow, self.project.state)
        self.airflow_home = root / "airflow"
        self.printed: dict[str, str] = {}
        self.runs: dict[str, str] = {}
        self.atlas("build", "told")
        self.by_command("image", "run", "told", "--isolate", "image", "--no-cache")
        self.by_command("kfp.local", "train", "told", "--target", "kubeflow", "--logs")

    @property
    def variables(self) -> dict[str, str]:
        """What every way is started with."""
        own = {"ATLAS_STATE": str(self.project.state), "THE_CANARY": canary.CANARY}
        return {**self.yard.variables, **own}

    @property
    def store(self) -> Path:
        return self.project.state / "store"

    def atlas(self, *words: str, code: int = 0) -> str:
        variables = environment(**self.variables)
        done = self.project.atlas(*words, env=variables, timeout=SECONDS)
        printed = done.stdout + done.stderr
        assert done.returncode == code, printed
        return printed

    def by_command(self, way: str, *words: str) -> None:
        """Run the pipeline by a command, which fails as its last step does."""
        before = set(self.made())
        self.printed[way] = self.atlas(*words, code=1)
        (self.runs[way],) = set(self.made()) - before

    def by_airflow(self) -> None:
        """Run the pipeline's DAG; its containers get the secret from the worker."""
        (pipeline,) = self.project.resolve("told")
        plan = pipeline.plans["training"]
        images = references_of([pipeline], self.platform.outputs["services"])(plan)
        assert all("@sha256:" in image for image in images.values())
        self.project.store.add_plan(plan)
        add_code(self.project.store, self.project.root / "told", plan.code)
        ((name, content),) = AirflowCompiler("docker").compile(plan, images).items()
        file = self.root / "dags" / name
        file.parent.mkdir()
        file.write_bytes(content)
        secret = self.platform.state / "secrets" / f"{infra_mlflow.SECRET}.json"
        with ways.docker_api(self.yard) as api:
            worker = {
                **self.variables,
                **api,
                "ATLAS_STORE": self.project.url,
                "ATLAS_REGISTRY": self.yard.host,
                "ATLAS_MLFLOW_URL": self.platform.url("mlflow"),
                "ATLAS_MLFLOW_CREDENTIALS": str(secret),
            }
            dag_run = ways.with_airflow(file, self.airflow_home, {}, worker)
        assert dag_run["state"] == "failed"
        self.printed["airflow"] = dag_run["printed"]
        self.runs["airflow"] = f"training-{dag_run['run']}"

    def made(self) -> list[str]:
        """Return the ids of the runs so far."""
        return [file.parent.name for file in self.store.glob("told/*/run.json")]

    def outcome(self, way: str, step: str) -> dict[str, Any]:
        file = self.store / "told" / self.runs[way] / step / "outcome.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def log(self, way: str, step: str) -> str:
        return (self.store / "told" / self.runs[way] / step / "log.txt").read_text()


def platform_of(yard: Yard, mlflow: MlflowServer, state: Path) -> Platform:
    """Write the outputs of a platform that has the yard's registry and an MLflow."""
    file = state / "platform" / "local" / "outputs.json"
    file.parent.mkdir(parents=True)
    (state / "secrets").mkdir(mode=0o700)
    registry = yard.state / "secrets" / f"{infra_registry.SECRET}.json"
    for secret in (registry, mlflow.secret):
        shutil.copy(secret, state / "secrets" / secret.name)
    outputs = json.loads((yard.state / "platform" / "local" / "outputs.json").read_text())
    service = {"kind": "mlflow", "url": mlflow.url, "workload_url": mlflow.url, "version": ""}
    outputs["services"]["mlflow"] = {**service, "credentials": infra_mlflow.SECRET}
    outputs["services"]["secrets"] = {"kind": "secrets", "url": (state / "secrets").as_uri()}
    file.write_text(json.dumps(outputs))
    return Platform(state, outputs)


@pytest.fixture(scope="module")
def told(
    yard: Yard, platform_mlflow: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    with pytest.MonkeyPatch.context() as patch:
        made = Told(yard, platform_mlflow, tmp_path_factory.mktemp("told"))
        patch.setenv("ATLAS_STATE", str(made.project.state))
        made.by_airflow()
        yield made


WAYS = pytest.mark.parametrize("way", ["image", "kfp.local", "airflow"])


@WAYS
def test_the_steps_have_told_them(told, way):
    """Else the tests below would find nothing for another reason."""
    states = {name.lower(): told.outcome(way, name.lower())["status"] for name in NAMES}
    assert states == {"tell": "done", "below": "done", "raise": "failed"}
    for text in (told.log(way, "tell"), told.printed[way]):
        assert "TOLD ALL" in text
        assert text.count("mark ***") > 5
    for text in (told.log(way, "below"), told.printed[way]):
        assert "TOLD BELOW" in text
        assert text.count("fd two ***") > 5
    assert told.outcome(way, "raise")["error"] == "ValueError: refused ***"
    assert "noted ***" in told.outcome(way, "raise")["traceback"]
    assert "refused ***" in told.printed[way]


@WAYS
def test_nothing_that_is_printed_has_them(told, way):
    assert canary.traces(told.printed[way]) == []


def test_no_file_of_the_state_folder_has_them(told):
    """Among these are the store, reports, and the folder and log of kfp.local."""
    state = told.project.state
    assert "TOLD ALL" in next(state.glob(f"kfp.local/told/*/{LOG}")).read_text()
    assert [*state.glob("store/told/*/report.html")]
    assert canary.traces_below(state) == {}


def test_neither_airflows_database_nor_its_home_has_them(told):
    """What its tasks log is among what was printed, for this way writes no file of it."""
    assert (told.airflow_home / "airflow.db").exists()
    assert canary.traces_below(told.airflow_home) == {}


def test_the_engine_has_kept_no_container_and_no_log(told):
    """Its database is root's alone: it keeps what containers were started with, secrets too."""
    assert told.yard.podman("ps", "--all", "--quiet") == ""
    graph, run = told.yard.folder / "graph", told.yard.folder / "run"
    kept = (graph / "overlay-containers", run, told.yard.folder / "service.log")
    assert canary.traces_below(*kept) == {}
    databases = [*(graph / "libpod").glob("*.db"), *graph.glob("*.sql")]
    assert databases
    assert [file for file in databases if file.stat().st_mode & 0o077] == []


def test_mlflow_answers_without_them(told):
    answers = [*mlflow_answers(told.platform)]
    assert all(any(run in answer for answer in answers) for run in told.runs.values())
    assert [found for answer in answers if (found := canary.traces(answer))] == []
