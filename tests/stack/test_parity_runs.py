"""One pipeline, really run: on this machine, with kfp.local and with Airflow, in two images.

What `tests/contract/test_parity.py` proves of compiled files, this proves of runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import atlas
from atlas.images.content import atlas_digest
from atlas.plan import Plan
from atlas.store import add_code, open_store
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.targets.protocol import Origin
from atlas_deploy.desired.images import references_of
from tests import yard as yards
from tests.projects import Project
from tests.stack import ways
from tests.yard import Yard

# The first test makes the base image, where no earlier run has made it.
pytestmark = [pytest.mark.stack, pytest.mark.containers, pytest.mark.timeout(1200)]
IN_CONTAINERS = pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not())

INTERVALS = """
from typing import Any, NamedTuple
from atlas.store import Encoded, register

class Interval(NamedTuple):
    low: float
    high: float

class Intervals(Encoded):
    name = "interval"
    suffix = ".interval"
    def accepts(self, value: Any) -> bool:
        return isinstance(value, Interval)
    def encode(self, value: Interval) -> bytes:
        return f"{value.low}..{value.high}".encode()
    def decode(self, content: bytes) -> Interval:
        low, high = content.decode().split("..")
        return Interval(float(low), float(high))

register(Intervals())
"""
SOURCE = """
import os
from pathlib import Path
from atlas.store import open_store
from intervals import Interval

class Loaded(NamedTuple):
    rows: list[dict[str, float]]
    keys: list[str]

class Load(Template):
    count: int = 5
    def run(self) -> Loaded:
        rows = [{"x": number / 7, "y": number ** 0.5} for number in range(self.count * 10)]
        return Loaded(rows, [f"key {number}" for number in range(self.count)])

class Fitted(NamedTuple):
    score: float
    text: str

class Fit(Template):
    factor: float = 1.0
    def run(self, rows: list[dict[str, float]], key: str) -> Fitted:
        return Fitted(sum(row["x"] for row in rows) * self.factor + len(key), f"<{key}>")

class Told(NamedTuple):
    text: str
    span: Interval

class Flaky(Template):
    run_id: str = ""
    def run(self) -> Told:
        place = open_store(os.environ["ATLAS_STORE"]).location
        if place.create(f"marks/{self.run_id}", b""):
            raise RuntimeError("the first attempt fails")
        return Told(os.environ["GREETING"], Interval(0.5, 2.0))

class Total(NamedTuple):
    scores: dict[str, float]
    page: str

class Gather(Template):
    def run(self, scores: list[float], texts: list[str], told: str, span: Interval) -> Total:
        place = Path("/image.txt")
        image = place.read_text().strip() if place.exists() else "no image"
        totals = {"total": sum(scores), "n": len(scores)}
        return Total(totals, f"{image}, {told}: {texts} in {span.low}..{span.high}")
"""
PARAMETERS = {"factor": {"type": "number", "default": 2.0, "minimum": 0.0, "maximum": 10.0}}
IMAGES = {"base": {"requirements": "requirements.txt"}, "other": {"dockerfile": "other.Dockerfile"}}
DOCKERFILE = "ARG ATLAS_BASE\nFROM ${ATLAS_BASE}\nCOPY image.txt /image.txt\n"
ORIGIN = Origin(commit="c0" * 20)


GIVEN = {"factor": 3.5}
GREETING = "it's $(HOME) $$ '\"`"
STEPS = {
    "load": {"class": "steps:Load", "image": "base", "params": {"count": 2}},
    "fit": {
        "class": "steps:Fit",
        "image": "other",
        "foreach": {"key": "load.keys"},
        "inputs": {"rows": "load.rows"},
        "params": {"factor": {"parameter": "factor"}},
    },
    "flaky": {
        "class": "steps:Flaky",
        "image": "base",
        "params": {"run_id": {"run": "id"}},
        "env": {"GREETING": GREETING},
        "retries": {"limit": 2, "delay": "1s", "factor": 1},
        "after": ["load"],
    },
    "gather": {
        "class": "steps:Gather",
        "image": "other",
        "inputs": {
            "scores": "fit.score",
            "texts": "fit.text",
            "told": "flaky.text",
            "span": "flaky.span",
        },
    },
}


def made(root: Path, images: Mapping[str, Any] = IMAGES, **tool: str) -> Project:
    """Write the pipeline, by default with images that are built."""
    project = Project(root)
    lines = [f'{name.replace("_", "-")} = "{text}"' for name, text in tool.items()]
    project.write("pyproject.toml", "\n".join(["[tool.atlas]", *lines, ""]))
    project.pipeline("parity", SOURCE, STEPS, images=images, parameters=PARAMETERS)
    project.write("parity/intervals.py", INTERVALS)
    project.write("parity/requirements.txt", "")
    project.write("parity/other.Dockerfile", DOCKERFILE)
    project.write("parity/image.txt", "the other image\n")
    return project


def store_for(project: Project, plan: Plan, place: Path) -> str:
    """Make a store of its own for a way, so that no result is taken from another's cache."""
    place.mkdir()
    store = open_store(place.as_uri())
    store.add_plan(plan)
    add_code(store, project.root / "parity", plan.code)
    return place.as_uri()


def plain(run: ways.Ran) -> dict[str, Any]:
    """Return what must be the same everywhere; a param of the flaky step is the run's id."""
    return {
        name: (one.status, one.attempts, one.outputs, {} if name == "flaky" else one.parts)
        for name, one in run.steps.items()
    }


def cli(project: Project, *words: str, **variables: str) -> str:
    """Run `atlas`; return what it printed."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("ATLAS_")}
    done = subprocess.run(
        [sys.executable, "-m", "atlas_cli", *words],
        cwd=project.root,
        env={**own, **variables},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def local(project: Project, *words: str, **variables: str) -> str:
    """Run the pipeline with `atlas run`; return the run's id."""
    values = [f"--set={name}={value}" for name, value in GIVEN.items()]
    printed = cli(project, "run", "parity", "--no-cache", "--json", *values, *words, **variables)
    return str(json.loads(printed.splitlines()[-1])["run"])


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of Atlas: it is part of an image's content, and the tree may be edited meanwhile."""
    source, copy = Path(atlas.__file__).parent, tmp_path / "frozen" / "atlas"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("atlas.images.content.package_folder", lambda: copy)
    atlas_digest.cache_clear()
    yield copy.parent
    atlas_digest.cache_clear()


@pytest.mark.long
@IN_CONTAINERS
def test_in_containers(
    yard: Yard, tmp_path: Path, frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two images: `atlas run`, kfp.local's DockerRunner and Airflow's DockerOperator."""
    project = made(tmp_path / "project", base_image=yard.base)
    own = {**yard.variables, "ATLAS_STATE": str(yard.state), "PYTHONPATH": str(frozen)}
    cli(project, "build", "parity", **own)
    run = local(project, "--isolate", "image", **own)

    monkeypatch.setenv("ATLAS_STATE", str(yard.state))
    (pipeline,) = project.resolve("parity")
    plan = pipeline.plans["training"]
    images = references_of([pipeline])(plan)
    assert len({images[step.image] for step in plan.steps}) == 2
    assert all("@sha256:" in images[step.image] for step in plan.steps)
    here = ways.ran(open_store((yard.state / "store").as_uri()), plan, run)
    check(plan, here)

    with ways.docker_api(yard) as api:
        url = store_for(project, plan, tmp_path / "kfp")
        package = tmp_path / "package.yaml"
        (content,) = KubeflowCompiler(local=True).compile(plan, images, ORIGIN).values()
        package.write_bytes(content)
        ways.with_kfp(package, url, {"atlas_run": "by-kfp", **GIVEN}, api)
        by_kfp = ways.ran(open_store(url), plan, "training-by-kfp")

        url = store_for(project, plan, tmp_path / "airflow")
        ((name, content),) = AirflowCompiler("docker").compile(plan, images, ORIGIN).items()
        file = tmp_path / "dags" / name
        file.parent.mkdir()
        file.write_bytes(content)
        worker = {**api, "ATLAS_STORE": url, "ATLAS_REGISTRY": yard.host}
        told = ways.with_airflow(file, tmp_path / "home", GIVEN, worker)
        assert told["state"] == "success"
        by_airflow = ways.ran(open_store(url), plan, f"training-{told['run']}")

    for other in (by_kfp, by_airflow):
        check(plan, other)
        assert other.commit == ORIGIN.commit
        assert plain(other) == plain(here)
    page = open_store(url).get(plan.name, by_airflow.id, "gather", "page")
    assert page == f"the other image, {GREETING}: ['<key 0>', '<key 1>'] in 0.5..2.0"


def check(plan: Plan, run: ways.Ran) -> None:
    """Hold a run to what the Plan says, whoever ran it."""
    assert run.status == "done"
    assert run.parameters == GIVEN
    attempts = {name: one.attempts for name, one in run.steps.items()}
    assert attempts == {"load": 1, "fit[0]": 1, "fit[1]": 1, "flaky": 2, "gather": 1}
    assert run.kept == {(up, step.name) for step in plan.steps for up in step.upstream()}


@pytest.mark.long
def test_on_the_platform(platform, tmp_path: Path) -> None:
    """In processes: `atlas run`, and the platform's own Airflow, which schedules and tries again."""
    project = made(tmp_path / "project")
    own = {"ATLAS_STATE": str(tmp_path / "state"), "ATLAS_STORE": (tmp_path / "store").as_uri()}
    run = local(project, **own)
    (pipeline,) = project.resolve("parity")
    plan = pipeline.plans["training"]
    here = ways.ran(open_store(own["ATLAS_STORE"]), plan, run)
    check(plan, here)

    store = open_store(platform.url("store"))
    store.add_plan(plan)
    add_code(store, project.root / "parity", plan.code)
    ((name, content),) = AirflowCompiler().compile(plan, {}, ORIGIN).items()
    with ways.placed(platform, name, content) as dag:
        dag_run = dag.triggered(GIVEN)
        assert dag.ended(dag_run) == "success"
        states = dag.tasks(dag_run)
    there = ways.ran(store, plan, f"training-{dag_run}")
    check(plan, there)
    assert plain(there) == plain(here)
    assert {(task, index): (state, tries) for task, index, state, tries in states} == {
        ("load", -1): ("success", 1),
        ("fit.keys", -1): ("success", 1),
        ("fit", 0): ("success", 1),
        ("fit", 1): ("success", 1),
        ("flaky", -1): ("success", 2),
        ("gather", -1): ("success", 1),
        ("_finish", -1): ("success", 1),
    }
