"""One pipeline on this machine and on Kubeflow: the same digests, attempts and results."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.store import open_store
from tests.kubeflow.workplace import Workplace
from tests.projects import Project
from tests.stack import ways
from tests.stack.test_parity_runs import GIVEN, GREETING, check, local, made, plain

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(1800)]


def test_a_loop_a_gathering_and_a_second_try_come_to_the_same(
    cluster: Workplace, tmp_path: Path
) -> None:
    images = {name: {"reference": cluster.image} for name in ("base", "other")}
    project = made(tmp_path / "project", images)
    own = {"ATLAS_STATE": str(tmp_path / "state"), "ATLAS_STORE": (tmp_path / "store").as_uri()}
    run = local(project, **own)
    (pipeline,) = project.resolve("parity")
    plan = pipeline.plans["training"]
    here = ways.ran(open_store(own["ATLAS_STORE"]), plan, run)
    check(plan, here)

    cluster.environment(project)
    values = [f"--set={name}={value}" for name, value in GIVEN.items()]
    (summary,) = cluster.trained(project, "parity", *values)
    there = cluster.ran(project, "parity", summary["run"])
    check(plan, there)
    assert plain(there) == plain(here)
    page = cluster.store.get("parity", there.id, "gather", "page")
    assert page == f"no image, {GREETING}: ['<key 0>', '<key 1>'] in 0.5..2.0"
    assert cluster.run_of(there.id)["state"] == "SUCCEEDED"


def test_what_has_run_is_not_run_again(cluster: Workplace, tmp_path: Path) -> None:
    source = """
    class Made(NamedTuple):
        rows: list[int]

    class Make(Template):
        def run(self) -> Made:
            return Made([1, 2, 3])
    """
    project = Project(tmp_path / "project")
    project.pipeline("once", source, {"make": {"class": "steps:Make", "image": "base"}},
                     images={"base": {"reference": cluster.image}})  # fmt: skip
    cluster.environment(project)
    command = ["train", "once", "--env", "cluster", "--run"]
    for name, cached in (("first", 0), ("second", 1)):
        assert f"1 steps, {cached} cached" in cluster.atlas(project, *command, name)
        assert cluster.store.get("once", f"training-{name}", "make", "rows") == [1, 2, 3]


def test_texts_arrive_as_they_are(cluster: Workplace, tmp_path: Path) -> None:
    source = """
    class Said(NamedTuple):
        text: str

    class Say(Template):
        text: str
        def run(self) -> Said:
            return Said(self.text)
    """
    project = Project(tmp_path / "project")
    steps = {
        "say": {"class": "steps:Say", "image": "base", "params": {"text": {"parameter": "text"}}}
    }
    project.pipeline("texts", source, steps, images={"base": {"reference": cluster.image}},
                     parameters={"text": {"type": "string", "default": ""}})  # fmt: skip
    cluster.environment(project)
    text = 'it\'s a "text", 50 % $HOME ${HOME} `x` \\ \u00e9 <b>\n2'
    (summary,) = cluster.trained(project, "texts", "--set", f"text={text}")
    assert cluster.store.get("texts", summary["run"], "say", "text") == text
    odd = "a$$b$(AWS_ENDPOINT_URL)"
    (summary,) = cluster.trained(project, "texts", "--set", f"text={odd}")
    assert cluster.store.get("texts", summary["run"], "say", "text") == odd
