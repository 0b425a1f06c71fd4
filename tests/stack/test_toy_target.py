"""A target that an installed package adds: validated, compiled, deployed, run, destroyed.

Nothing of Atlas knows of it: neither a document's schema nor a table, and no folder but its own.
"""

from __future__ import annotations

import json
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract import test_toy_format as toy_format
from tests.stack.conftest import Atlas
from tests.toy_target import install

pytestmark = pytest.mark.stack
STEPS = """
from typing import NamedTuple

from atlas import Template


class Numbers(NamedTuple):
    numbers: list[int]


class Sum(NamedTuple):
    total: int


class Count(Template):
    up_to: int = 4

    def run(self) -> Numbers:
        return Numbers(list(range(self.up_to)))


class Add(Template):
    def run(self, numbers: list[int]) -> Sum:
        return Sum(sum(numbers))
"""
RECIPE = {
    "version": 1,
    "name": "sums-training",
    "flow": "training",
    "steps": {
        "count": {"class": "steps:Count"},
        "add": {"class": "steps:Add", "inputs": {"numbers": "count.numbers"}},
    },
}


@dataclass(frozen=True)
class WithToy(Atlas):
    """The `atlas` command beside an installed package.

    Attributes:
        installed: the folder that the package is in.
    """

    installed: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONPATH": str(self.installed)}


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    write(root / "pyproject.toml", '[tool.atlas]\nid = "toys"\n')
    write(root / "sums" / "steps.py", STEPS)
    write(root / "sums" / "training.json", RECIPE)
    write(
        root / "sums" / "config.json",
        {"version": 1, "name": "sums", "recipes": {"training": "training.json"}},
    )
    outputs = root / "platform.json"
    environment = {
        "version": 1,
        "platform": {"outputs": outputs.name},
        "targets": {"training": "toy"},
    }
    write(root / "environments" / "toys.json", environment)
    services = {
        name: {
            "kind": "folder",
            "url": url,
            "workload_url": url,
            "credentials": None,
            "version": "",
        }
        for name, url in (
            ("store", (tmp_path / "store").as_uri()),
            ("toy", jobs.as_uri()),
        )
    }
    write(outputs, {"version": 1, "stack": "toys", "target": "other", "services": services})
    return root


@pytest.fixture
def atlas(tmp_path: Path) -> WithToy:
    return WithToy(tmp_path / "state", install(tmp_path / "installed"))


def test_a_target_from_outside_goes_the_whole_way(atlas, project, tmp_path):
    sums, jobs = project / "sums", tmp_path / "jobs"
    here = ("--env", "toys")
    assert "sums (training 2 steps): fine" in atlas.run("validate", sums, *here, cwd=project).stdout

    out = tmp_path / "out"
    compiled = atlas.run("compile", sums, *here, "--out", out, "--json", cwd=project)
    (one,) = json.loads(compiled.stdout)["compiled"]
    assert (one["target"], one["name"]) == ("toy", "sums-training")
    job = json.loads((out / "sums-training.json").read_bytes())
    assert job == {"plan": one["plan"], "steps": ["count", "add"]}

    previewed = atlas.run("preview", sums, *here, cwd=project).stdout
    assert "+ sums-training: toy job" in previewed
    assert not [*jobs.iterdir()], "a preview changes nothing"

    deployed = atlas.run("deploy", sums, *here, cwd=project)
    assert json.loads((jobs / "sums-training.json").read_bytes()) == job
    assert f"{jobs.as_uri()}/sums-training.json" in deployed.stdout
    again = atlas.run("deploy", sums, *here, cwd=project).stdout
    assert "+ sums-training" not in again

    trained = atlas.run("train", sums, *here, "--json", "--timeout", "120s", cwd=project).stdout
    run = json.loads(trained.splitlines()[-1])
    assert run["status"] == "done", run
    totals = [*(tmp_path / "store" / "sums").glob("*/add/total/data*")]
    assert [json.loads(path.read_bytes()) for path in totals] == [6]

    status = atlas.run("status", sums, *here, "--json", cwd=project).stdout
    (resource,) = json.loads(status)["sums.toys"]["resources"]
    assert resource["drift"] == {}
    assert resource["runs"]["sums-training"][1] == "done"

    (jobs / "sums-training.json").unlink()
    status = json.loads(atlas.run("status", sums, *here, "--json", cwd=project).stdout)
    assert status["sums.toys"]["resources"][0]["drift"] == {"sums-training": "is gone"}
    atlas.run("deploy", sums, *here, cwd=project)
    assert (jobs / "sums-training.json").exists(), "drift is repaired"

    atlas.run("destroy", sums, *here, cwd=project)
    assert not (jobs / "sums-training.json").exists()
    owners = tmp_path / "store" / "deployments" / "owners" / "toy-jobs"
    assert not owners.exists() or not os.listdir(owners)


def test_a_format_from_outside_goes_there_too(atlas, project, tmp_path):
    """Both come from packages: the target runs steps whose values only the other one can keep."""
    toy_format.install(atlas.installed)
    sums = project / "sums"
    head = "from typing import NamedTuple\n\nfrom atlas import Template\n"
    write(sums / "steps.py", head + textwrap.dedent(toy_format.STEPS))
    write(sums / "training.json", {**RECIPE, "steps": toy_format.NAMED})
    here = ("--env", "toys")

    assert "fine" in atlas.run("validate", sums, *here, cwd=project).stdout
    out = tmp_path / "out"
    atlas.run("compile", sums, *here, "--out", out, cwd=project)
    assert (out / "sums-training.json").exists()
    atlas.run("deploy", sums, *here, cwd=project)
    trained = atlas.run("train", sums, *here, "--json", "--timeout", "120s", cwd=project).stdout
    assert json.loads(trained.splitlines()[-1])["status"] == "done", trained
    (kept,) = (tmp_path / "store" / "sums").glob("*/turn/grid/data*")
    assert (kept.name, kept.read_text()) == ("data.grid", "ac\nbd")
    status = atlas.run("status", sums, *here, "--json", cwd=project).stdout
    assert json.loads(status)["sums.toys"]["resources"][0]["drift"] == {}
    atlas.run("destroy", sums, *here, cwd=project)
    assert kept.exists(), "artifacts stay"


def test_it_says_what_it_can_not_do_at_the_line_that_asks_for_it(atlas, project):
    recipe = json.loads(json.dumps(RECIPE))
    recipe["steps"]["add"]["resources"] = {"gpu": 1}
    write(project / "sums" / "training.json", recipe)
    found = atlas.run("validate", project / "sums", "--env", "toys", cwd=project, code=1).stdout
    lines = (project / "sums" / "training.json").read_text().splitlines()
    (asks,) = [number for number, line in enumerate(lines, 1) if "gpu" in line]
    assert f"sums/training.json:{asks}:" in found
    assert "error TOY01: steps.add.resources.gpu: a toy has no GPU" in found


def test_without_the_package_there_is_no_such_target(atlas, project):
    bare = Atlas(atlas.state)
    done = bare.run("validate", project / "sums", "--env", "toys", cwd=project, code=1)
    assert (
        "there is no target 'toy'; expected local, kubeflow or airflow" in done.stdout + done.stderr
    )
