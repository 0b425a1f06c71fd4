"""A secret that steps tell in every way is found nowhere, and nobody else may read what is kept.

The steps run by `atlas run` and on the platform's own Airflow. Then every file of the state folder,
all that MLflow answers, and every log and record that Airflow answers are searched.
`test_secrets_in_containers.py` does the same with steps in containers.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from atlas.targets.airflow.dag_runs import AirflowRunsApi
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.remote import Remote
from tests import canary
from tests.projects import Project
from tests.stack.mlflow_answers import mlflow_answers

pytestmark = pytest.mark.stack

NAMES = ("Tell", "Below", "Thread", "Raise", "Group", "Exit")
FAILING = {"raise", "group", "exit"}
INTERVAL = ("--interval", "2026-01-01..2026-01-02")
"""With it no step takes what a run on this machine has made."""
CONNECTION = "secrets-pem"
OUTSIDE = """
class Outside(Template):
    path: str

    def run(self) -> Number:
        with open(self.path, "w") as file:
            file.write("anybody's")
        return Number(1)
"""
SCHEMAS = "schemas"
"""The one folder of the state folder that isn't private: editors read it, and it is public text."""


class Told:
    """The pipeline on the session's platform, after a run in each way.

    Attributes:
        said: what the commands have printed.
        here: the ids of the runs on this machine.
        there: the id of the run on Airflow.
    """

    def __init__(self, platform: Any, root: Path) -> None:
        self.platform, self.root = platform, root
        self.project = Project(root / "project")
        self.said = ""
        file = self.project.write("canary.txt", canary.CANARY)
        secrets = {"canary": {"file": str(file)}, "pem": {"airflow": CONNECTION}}
        self.project.environment(targets={"training": "airflow"}, secrets=secrets)
        self.outside = root / "outside.txt"
        params = {"path": str(self.outside)}
        outside = {"class": "steps:Outside", "params": params, "after": ["begin"]}
        steps = {**canary.steps(*NAMES), "outside": outside}
        self.project.pipeline("told", canary.SOURCE + OUTSIDE, steps)
        self.connect()
        self.here = [self.ran(), self.ran("--isolate", "process"), self.ran("--isolate", "none")]
        self.atlas("deploy", "told")
        self.outside.unlink()
        self.there = self.summary("train", "told", "--json", "--logs", *INTERVAL)

    @property
    def airflow(self) -> AirflowRunsApi:
        services = self.platform.outputs["services"]
        airflow = services["airflow"]
        return AirflowRunsApi(airflow["url"], services["secrets"]["url"], airflow["credentials"])

    def connect(self) -> None:
        """Keep one of the secrets in Airflow, as a connection's password."""
        body = {"connection_id": CONNECTION, "conn_type": "generic", "password": canary.PEM}
        self.airflow._call("POST", "connections", (409,), body)

    def atlas(self, *words: str, code: int = 0) -> str:
        done = self.platform.run(*words, cwd=self.project.root, code=code)
        self.said += done.stdout
        if "none" not in words:  # There a child process writes to the terminal by itself.
            self.said += done.stderr
        return str(done.stdout)

    def summary(self, *words: str) -> str:
        """Run a command that fails as its steps do; return the run's id."""
        printed = self.atlas(*words, code=1)
        return str(json.loads(printed.splitlines()[-1])["run"])

    def ran(self, *words: str) -> str:
        return self.summary("run", "told", "--no-cache", "--json", *words)

    def outcome(self, run: str, step: str) -> dict[str, Any]:
        file = self.platform.state / "store" / "told" / run / step / "outcome.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def log(self, run: str, step: str) -> str:
        return (self.platform.state / "store" / "told" / run / step / "log.txt").read_text()


@pytest.fixture(scope="module")
def told(platform, tmp_path_factory, monkeypatch_module):
    monkeypatch_module.setenv("ATLAS_SECRET_PEM", canary.PEM)
    made = Told(platform, tmp_path_factory.mktemp("told"))
    yield made
    made.atlas("destroy", "told")
    made.airflow._call("DELETE", f"connections/{CONNECTION}", (404,))


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_the_steps_have_told_them_everywhere(told):
    """Else the tests below would find nothing for another reason."""
    assert canary.traces_below(told.project.root / "canary.txt")
    for run in (*told.here, told.there):
        states = {name.lower(): told.outcome(run, name.lower())["status"] for name in NAMES}
        assert {name for name, state in states.items() if state == "failed"} == FAILING
        assert "TOLD ALL\n" in told.log(run, "tell")
        marks = told.log(run, "tell")
        assert marks.count("mark ") >= marks.count(" end\n") > 20
        assert "***" in marks
        assert told.outcome(run, "raise")["error"] == "ValueError: refused ***"
        assert "noted ***" in told.outcome(run, "raise")["traceback"]
        assert "several ***" in told.outcome(run, "group")["traceback"]
    for run in (*told.here[:2], told.there):
        assert "TOLD BELOW\n" in told.log(run, "below")
        assert told.log(run, "below").count("fd two ") > 20
        assert "from a thread ***" in told.log(run, "thread")
    assert "TOLD BELOW" in told.said


def test_no_command_has_shown_them(told):
    assert canary.traces(told.said) == []


def test_no_file_of_the_state_folder_has_them(told):
    assert canary.traces_below(told.platform.state) == {}


def test_no_stack_that_pulumi_exports_has_them(told):
    """Nor a password of the platform's services, but where it is encrypted."""
    state = told.platform.state
    stacks = [("atlas-pipelines", "told.local"), ("atlas", "local")]
    engine = Remote(Backend(state))
    secrets = [json.loads(file.read_text())["password"] for file in state.glob("secrets/*.json")]
    assert len(secrets) > 3
    for project, stack in stacks:
        words = ("stack", "export", "--stack", stack)
        exported = engine._engine(project, *words)
        assert '"urn"' in exported
        assert [secret for secret in secrets if secret in exported] == []
        assert canary.traces(engine._engine(project, *words, "--show-secrets")) == []


def test_mlflow_answers_without_them(told):
    answers = [*mlflow_answers(told.platform)]
    assert len(answers) > 8
    assert any(run in one for one in answers for run in [told.there])
    assert [found for one in answers if (found := canary.traces(one))] == []


def test_airflow_answers_without_them(told):
    airflow, dag = told.airflow, "told-training"
    path = f"dags/{dag}/dagRuns/{quote(told.there, safe='')}"
    tasks = airflow.task_instances(dag, told.there)
    others = {"begin", "outside", "_finish"}
    assert {one["task_id"] for one in tasks} == {*map(str.lower, NAMES)} | others
    answers = [json.dumps(tasks)]
    for one in tasks:
        task = f"{path}/taskInstances/{one['task_id']}"
        for attempt in range(1, one["try_number"] + 1):
            where = f"{task}/logs/{attempt}?map_index=-1&full_content=true"
            answers.append(json.dumps(airflow._call("GET", where)[1], ensure_ascii=False))
        answers.append(json.dumps(airflow._call("GET", f"{task}/xcomEntries")[1]))
    for other in (path, "eventLogs?limit=1000", "connections", f"dagSources/{dag}"):
        answers.append(json.dumps(airflow._call("GET", other, (404, 406))[1], ensure_ascii=False))
    told_there = "".join(answers)
    assert "TOLD ALL" in told_there
    assert "TOLD BELOW" in told_there
    assert "from a thread ***" in told_there
    assert [found for one in answers if (found := canary.traces(one))] == []


def test_what_atlas_keeps_is_its_owners_only(told):
    """Folders 0700, files 0600, programs 0700; sockets too, for who may connect may command."""
    found = dict(open_to_others(told.platform.state))
    assert found == {}
    kinds = {stat.S_IFMT(status.st_mode) for _, status in there(told.platform.state)}
    assert {stat.S_IFSOCK, stat.S_IFREG, stat.S_IFDIR} <= kinds


def test_what_a_step_writes_elsewhere_is_as_open_as_its_users_other_files(told):
    """Airflow runs under umask 077, and a store or a file may be a team's."""
    other = told.root / "other.txt"
    other.touch()
    assert told.outside.stat().st_mode == other.stat().st_mode


def there(state: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Return a folder and all that is in it, where servers are at work."""
    for folder, folders, files in os.walk(state):
        for one in (Path(folder), *(Path(folder, name) for name in (*folders, *files))):
            with suppress(FileNotFoundError):  # A draft that has become what it was a draft of.
                yield one, one.lstat()


def open_to_others(state: Path) -> Iterator[tuple[str, str]]:
    """Return what others may read, write or enter, with its mode."""
    for one, status in there(state):
        mode, is_public = stat.S_IMODE(status.st_mode), one.is_relative_to(state / SCHEMAS)
        if mode & 0o077 and not is_public and not stat.S_ISLNK(status.st_mode):
            yield str(one.relative_to(state)), f"{mode:04o}"
