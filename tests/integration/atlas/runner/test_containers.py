"""Steps in containers, with an engine that is a script: it runs the command as a plain process."""

from __future__ import annotations

import itertools
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.containers import ContainerEngine
from atlas.errors import AtlasError
from atlas.runner import RunSettings
from atlas.runner.containers import Images
from atlas.step import contained
from tests import scoring

SOURCE = """
from atlas import Data
import os
class Out(NamedTuple):
    text: str
class Hello(Template):
    def run(self) -> Out:
        print("said by hello")
        return Out(os.environ.get("FLAVOUR", "plain"))
class Fail(Template):
    def run(self, text: str) -> Out:
        raise ValueError("broken on purpose")
class Die(Template):
    def run(self) -> Out:
        os._exit(137)
class Slow(Template):
    def run(self) -> Out:
        import time
        time.sleep(600)
class Secret(Template):
    def run(self) -> Out:
        return Out(str(len(self.context.secrets["token"])))
class Read(Template):
    def run(self, rows: Data) -> None: ...
"""


@pytest.fixture
def engine(tmp_path: Path) -> ContainerEngine:
    """A `docker` that writes down what it is given, and runs what comes behind the image."""
    script = f"""#!{sys.executable}
import json, os, sys, time
words = sys.argv[1:]
with open({str(tmp_path / "told")!r}, "a") as told:
    told.write(json.dumps(words) + "\\n")
if words[0] == "kill":
    pid = {str(tmp_path)!r} + "/" + words[1]
    while not os.path.exists(pid) or not open(pid).read():
        time.sleep(0.05)
    os.kill(int(open(pid).read()), 9)
if words[0] == "run":
    name = words[words.index("--name") + 1]
    with open({str(tmp_path)!r} + "/" + name, "w") as file:
        file.write(str(os.getpid()))
    command = words[words.index("the-image") + 1 :]
    os.execv({sys.executable!r}, [{sys.executable!r}, *command[1:]])
"""
    program = tmp_path / "docker"
    program.write_text(script)
    program.chmod(0o755)
    return ContainerEngine("docker", str(program))


@pytest.fixture
def run(project, engine, tmp_path):
    """Run a pipeline of these steps, each in its image; return what has come of it."""

    def go(steps, **fields):
        project.pipeline("words", SOURCE, steps, **fields)
        plan = project.plan("words")
        references = {(plan.digest, step.image): "the-image" for step in plan.steps}
        settings = RunSettings(isolate="image", images=Images(engine, references))
        ran = project.run("words", settings)
        told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
        return ran, [words for words in told if words[0] == "run"]

    return go


def after(words, option):
    return [value for key, value in itertools.pairwise(words) if key == option]


def test_a_step_runs_the_entry_point_of_all_targets(run, project):
    ran, (words,) = run({"hello": {"class": "steps:Hello", "env": {"FLAVOUR": "sweet"}}})
    assert ran.ok, ran.errors()
    assert ran.value("hello", "text") == "sweet"
    command = words[words.index("the-image") + 1 :]
    assert command[:3] == ["python", "-m", "atlas.step"]
    assert "--no-finish" in command
    assert after(words, "--user") == [f"{os.geteuid()}:{os.getegid()}"]
    store = project.state / "store"
    assert f"{store}:{store}:rw" in after(words, "--volume")
    assert "FLAVOUR" in after(words, "--env")
    log = next(store.rglob("log.txt"))
    assert "said by hello" in log.read_text()


def test_limits_of_a_step(run):
    step = {"class": "steps:Hello", "resources": {"cpu": 0.5, "memory": "256Mi"}}
    ran, (words,) = run({"hello": step})
    assert ran.ok
    assert after(words, "--cpus") == ["0.5"]
    assert after(words, "--memory") == [str(256 * 2**20)]


def test_a_failure_is_the_steps_own(run):
    steps = {
        "hello": {"class": "steps:Hello"},
        "fail": {"class": "steps:Fail", "inputs": {"text": "hello.text"}, "retries": 1},
    }
    ran, started = run(steps)
    assert not ran.ok
    assert "broken on purpose" in ran.errors()["fail"]
    assert len(started) == 3, "it was tried twice"
    assert ran.outcome("fail").attempts == 2


def test_a_container_that_is_killed_says_what_it_may_use(run):
    ran, _ = run({"die": {"class": "steps:Die", "resources": {"memory": "64Mi"}}})
    assert "its container was killed; it may use 64 MiB" in ran.errors()["die"]


def test_a_container_that_ends_without_a_word(run):
    ran, _ = run({"die": {"class": "steps:Die"}})
    assert "exit code 137" in ran.errors()["die"]


def test_time_that_is_up(run, tmp_path):
    ran, (words,) = run({"slow": {"class": "steps:Slow", "timeout": "3s"}})
    assert "timed out after 3 s" in ran.errors()["slow"]
    (name,) = after(words, "--name")
    assert f'["kill", "{name}"]' in (tmp_path / "told").read_text()


def test_a_secret_is_handed_over_and_on_no_command_line(run, project, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    project.environment(secrets={"token": {"variable": "MY_TOKEN"}})
    ran, (words,) = run({"secret": {"class": "steps:Secret", "secrets": ["token"]}})
    assert ran.ok, ran.errors()
    assert ran.value("secret", "text") == "7"
    assert "ATLAS_SECRET_TOKEN" in after(words, "--env")
    assert "hunter2" not in (tmp_path / "told").read_text()


def test_folders_of_data_are_seen(run, project):
    project.environment(data={"rows": {"uri": (project.root / "data/rows/").as_uri() + "/"}})
    steps = {"read": {"class": "steps:Read", "inputs": {"rows": "data.rows"}}}
    data = {"data": {"rows": {"type": "folder"}}}
    project.pipeline("words", SOURCE, steps, config=data)
    plan = project.plan("words")
    seen = contained.folders(project.store, plan, plan.steps, project.root)
    assert seen == [project.state / "store", project.root / "data/rows"]


@pytest.mark.parametrize("step", ["scale", "challenger.scale"])
def test_the_stores_of_models_are_seen_by_who_reads_a_model(tmp_path, step):
    scored = scoring.Project(tmp_path / "scored", model={"shadow": True})
    plan = replace(scored.plan(), stores=((tmp_path / "other").as_uri(),))
    seen = contained.folders(scored.store, plan, [plan.step(step)], scored.folder)
    assert seen == [scored.folder / ".atlas" / "store", tmp_path / "other"]
    seen = contained.folders(scored.store, plan, [plan.step("load")], scored.folder)
    assert seen == [scored.folder / ".atlas" / "store"]


def test_an_earlier_result_is_taken_as_everywhere(run, engine, project):
    steps = {"hello": {"class": "steps:Hello"}}
    first, _ = run(steps)
    second, started = run(steps)
    assert first.ok
    assert second.cached() == {"hello"}
    assert "--no-cache" not in started[-1]


def test_an_image_that_is_not_built(project, engine):
    project.pipeline("words", SOURCE, {"hello": {"class": "steps:Hello"}})
    ran = project.run("words", RunSettings(isolate="image", images=Images(engine, {})))
    assert "its image 'default' isn't built" in ran.errors()["hello"]


def test_images_are_needed(project):
    project.pipeline("words", SOURCE, {"hello": {"class": "steps:Hello"}})
    with pytest.raises(AtlasError, match="takes images"):
        project.run("words", RunSettings(isolate="image"))


def test_a_step_may_read_the_files_that_open_the_platform_and_change_none(
    run, monkeypatch, tmp_path
):
    file = tmp_path / "secrets" / "mlflow.json"
    file.parent.mkdir()
    file.write_text('{"username": "atlas", "password": "hunter2"}')
    file.chmod(0o600)
    monkeypatch.setenv("ATLAS_MLFLOW_CREDENTIALS", str(file))
    monkeypatch.setenv("ATLAS_PUSHGATEWAY_CREDENTIALS", str(tmp_path / "missing.json"))
    ran, (words,) = run({"hello": {"class": "steps:Hello"}})
    assert ran.ok, ran.errors()
    assert f"{file}:{file}:ro" in after(words, "--volume")
    assert str(tmp_path / "missing.json") not in " ".join(after(words, "--volume"))
    assert {"ATLAS_MLFLOW_CREDENTIALS", "ATLAS_PUSHGATEWAY_CREDENTIALS"} <= {*after(words, "--env")}
    assert "hunter2" not in " ".join(words)
