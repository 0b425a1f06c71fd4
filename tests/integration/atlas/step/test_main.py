"""`python -m atlas.step`, as every target starts it: a process a step, over one store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from atlas.step.lineage_events import send_waiting_lineage
from atlas.store import add_code, open_store
from tests.lineage import Taker, serving
from tests.openlineage_events import check_events
from tests.projects import environment
from tests.servers import pushgateway

__all__ = ["pushgateway"]

SOURCE = """
import time
from helpers import double

class Number(NamedTuple):
    number: int

class Numbers(NamedTuple):
    numbers: list[int]

class Make(Template):
    start: int = 1
    def run(self) -> Number:
        self.context.logger.info("making %s", self.context.run)
        return Number(self.start)

class List(Template):
    def run(self, number: int) -> Numbers:
        return Numbers(list(range(number)))

class Each(Template):
    def run(self, key: int) -> Number:
        return Number(double(key))

class Sum(Template):
    def run(self, numbers: list[int]) -> Number:
        self.context.metric("sum", sum(numbers))
        return Number(sum(numbers))

class Sleep(Template):
    path: str
    def run(self) -> Number:
        open(self.path, "w").close()
        time.sleep(600)

class Score(Template):
    def run(self, model: int) -> Number:
        self.context.metric("rows", 3)
        return Number(model)

class Break(Template):
    def run(self) -> Number:
        double(None)
"""
STEPS = {
    "make": {"class": "steps:Make", "params": {"start": {"parameter": "start"}}},
    "list": {"class": "steps:List", "inputs": {"number": "make.number"}},
    "each": {"class": "steps:Each", "foreach": {"key": "list.numbers"}},
    "sum": {"class": "steps:Sum", "inputs": {"numbers": "each.number"}},
}
PARAMETERS = {"start": {"type": "integer", "default": 3, "maximum": 9}}


class Steps:
    """A deployed pipeline: its Plan and its code are in the store, its folder is gone."""

    def __init__(self, project, training=STEPS, inference=None, config=None, source=SOURCE) -> None:
        self.project, self.store = project, project.store
        project.pipeline("p", source, training, inference, config, parameters=PARAMETERS)
        project.write("p/helpers.py", "def double(x):\n    return 2 * x\n")
        (pipeline,) = project.resolve()
        self.plans = pipeline.plans
        for plan in self.plans.values():
            self.store.add_plan(plan)
            add_code(self.store, pipeline.folder, plan.code)
        project.write("p/steps.py", "raise RuntimeError('not this one')\n")

    def start(self, step: str, *more: str, run: str = "r1", flow: str = "training", **env: str):
        command = [sys.executable, "-m", "atlas.step", "--plan", self.plans[flow].digest]
        command += [*(["--run", run] if run else ()), "--step", step, *more]
        variables = environment(ATLAS_STORE=self.store.url, **env)
        return subprocess.Popen(
            command, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, step: str, *more: str, **options: str) -> subprocess.CompletedProcess[str]:
        process = self.start(step, *more, **options)
        out, err = process.communicate(timeout=200)
        return subprocess.CompletedProcess(step, process.returncode, out, err)


def test_step_by_step(project):
    steps = Steps(project)
    made = steps.run("make", "--parameters", '{"start": 4}')
    assert made.returncode == 0, made.stderr
    assert "making training-r1" in made.stderr
    assert steps.run("list").returncode == 0
    keys = steps.run("each", "--keys")
    assert json.loads(keys.stdout.splitlines()[-1]) == [0, 1, 2, 3]
    for index in range(4):
        assert steps.run("each", "--index", str(index)).returncode == 0
    assert "index 9, expected one of 4 keys" in steps.run("each", "--index", "9").stderr
    last = steps.run("sum")
    assert last.returncode == 0, last.stderr
    assert steps.store.get("p", "training-r1", "sum", "number") == 12
    assert steps.store.run_outcome("p", "training-r1")["status"] == "done"
    again = steps.run("make", run="r2", ATLAS_PARAMETERS='{"start": 4}')
    assert again.returncode == 0
    assert steps.store.outcome("p", "training-r2", "make")["cached"]
    asked = {"run": "r3", "parameters": {"start": 5}, "trigger": "schedule"}
    whole = steps.run("make", run="", ATLAS_REQUEST=json.dumps(asked))
    assert whole.returncode == 0, whole.stderr
    bound = steps.store.run("p", "training-r3")
    assert (bound.parameters, bound.trigger) == ({"start": 5}, "schedule")


def test_a_steps_own_variables_are_the_plans(project):
    """Kubeflow 2.17 on Kubernetes hands `$(HOME) $$` on as another text."""
    source = f"""{SOURCE}
class Text(NamedTuple):
    text: str

class Tell(Template):
    def run(self) -> Text:
        import os
        return Text(os.environ["GREETING"])
"""
    steps = Steps(
        project, {"tell": {"class": "steps:Tell", "env": {"GREETING": "$(HOME) $$"}}}, source=source
    )
    told = steps.run("tell", GREETING="/root $")
    assert told.returncode == 0, told.stderr
    assert steps.store.get("p", "training-r1", "tell", "text") == "$(HOME) $$"


def test_a_request_that_is_no_object_is_told(project):
    done = Steps(project).run("make", run="", ATLAS_REQUEST="[run")
    assert done.returncode == 1
    assert done.stderr == "error: ATLAS_REQUEST: a JSON object expected, found '[run'\n"


def modes_below(folder: Path) -> set[str]:
    return {f"{stat.S_IMODE(one.lstat().st_mode):03o}" for one in (folder, *folder.rglob("*"))}


def test_a_store_is_as_open_as_its_folder_whatever_the_servers_umask_is(project, tmp_path):
    """A server runs under umask 077; its user's own is handed on in a variable."""
    project.state.mkdir(mode=0o700)
    shared = tmp_path / "shared"
    steps = Steps(project)
    plan = steps.plans["training"]
    shutil.copytree(project.state / "store", shared)
    shared.chmod(0o775)
    own = {"ATLAS_UMASK": "002", "PYTHONDONTWRITEBYTECODE": ""}
    before = os.umask(0o077)
    try:
        for store in (project.store, open_store(shared.as_uri())):
            steps.store = store
            made = steps.run("make", **own)
            assert made.returncode == 0, made.stderr
    finally:
        os.umask(before)
    assert modes_below(project.state) <= {"700", "600"}
    assert modes_below(shared / "p") == {"775", "664"}
    assert (project.state / "store" / "code" / plan.code / "__pycache__").is_dir()


def test_a_umask_that_is_none_is_told(project):
    done = Steps(project).run("make", ATLAS_UMASK="rwx")
    assert done.returncode == 1
    assert done.stderr == (
        "error: ATLAS_UMASK: found 'rwx'; expected an umask in octal, such as 022\n"
    )


def test_steps_that_start_at_once_agree_on_the_run(project):
    steps = Steps(
        project,
        {name: {**STEPS["make"], **({"after": ["a"]} if name != "a" else {})} for name in "abcd"},
    )
    started = [
        steps.start(name, "--parameters", json.dumps({"start": number}))
        for number, name in enumerate("abcd", 1)
    ]
    for process in started:
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    values = {steps.store.get("p", "training-r1", name, "number") for name in "abcd"}
    assert values == {steps.store.run("p", "training-r1").parameters["start"]}


def test_what_goes_wrong_is_one_line_and_the_user_s_traceback(project):
    steps = Steps(project, {"break": {"class": "steps:Break"}})
    done = steps.run("break")
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert (
        lines[0]
        == "error: step break: TypeError: unsupported operand type(s) for *: 'int' and 'NoneType'"
    )
    assert lines[1] == "Traceback (most recent call last):"
    assert "/code/" in lines[2]
    assert "steps.py" in lines[2]
    assert steps.run("break").returncode == 1
    assert steps.store.outcome("p", "training-r1", "break")["attempts"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), "inputs.number: "),
        (("list",), "the artifact isn't there; run the step that writes it again"),
        (("lits",), "p has no step 'lits'; it has make, list, each, sum"),
        (("make", "--parameters", "{"), "parameters: no JSON"),
        (("make", "--parameters", "[]"), "expected a JSON object"),
        (("make", "--parameters", '{"start": 10}'), "above the maximum of 9"),
        (("make", "--interval-start", "noon"), "interval start: 'noon' isn't a date or time"),
        (("make", "--keys"), "has no foreach"),
        (("make", "--plan", "0" * 64), "there is no such Plan"),
    ],
)
def test_errors_are_one_line(project, arguments, words):
    done = Steps(project).run(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_usage(project):
    done = subprocess.run(
        [sys.executable, "-m", "atlas.step"], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--store or ATLAS_STORE is missing" in done.stderr


def test_code_that_was_changed_isn_t_run(project):
    steps = Steps(project)
    code = steps.store.location.local(f"code/{steps.plans['training'].code}/steps.py")
    code.write_text(code.read_text() + "# changed\n")
    done = steps.run("make")
    assert "isn't the code of its name" in done.stderr


def test_an_image_s_own_code(project, tmp_path):
    import shutil

    steps = Steps(project)
    digest = steps.plans["training"].code
    shutil.move(str(steps.store.location.local(f"code/{digest}")), tmp_path / "app")
    done = steps.run("make", ATLAS_CODE_FOLDER=str(tmp_path / "app"))
    assert done.returncode == 0, done.stderr


def test_a_timeout_holds_without_the_target(project, tmp_path):
    step = {"class": "steps:Sleep", "params": {"path": str(tmp_path / "on")}, "timeout": "1s"}
    done = Steps(project, {"sleep": step}).run("sleep")
    assert done.returncode == 1
    assert "error: step sleep: timed out after 1 s" in done.stderr
    assert project.store.outcome("p", "training-r1", "sleep")["error"] == "timed out after 1 s"


def test_a_signal_is_recorded(project, tmp_path):
    step = {"class": "steps:Sleep", "params": {"path": str(tmp_path / "on")}}
    process = Steps(project, {"sleep": step}).start("sleep")
    while not (tmp_path / "on").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=200)
    assert process.returncode == 130
    assert project.store.outcome("p", "training-r1", "sleep")["error"] == "interrupted"


def test_an_interval_that_runs_again_under_a_new_plan(project):
    steps = Steps(project)
    assert steps.run("make").returncode == 0
    old = steps.plans["training"]
    new = replace(old, description="Another one.")
    steps.store.add_plan(new)
    steps.plans = {"training": new}
    done = steps.run("make", "--parameters", '{"start": 7}')
    assert done.returncode == 0, done.stderr
    run = steps.store.run("p", "training-r1")
    assert (run.plan, run.parameters) == (new.digest, {"start": 7})


def test_both_flows_may_have_runs_of_one_name(project):
    config = {"model": {"name": "m", "from": {"part": "make.number"}}}
    score = {"score": {"class": "steps:Score", "inputs": {"model": "model.part"}}}
    training = {"make": STEPS["make"], "list": STEPS["list"]}
    steps = Steps(project, training, score, config)
    for name in ("make", "list"):
        assert steps.run(name).returncode == 0
    done = steps.run("score", flow="inference")
    assert done.returncode == 0, done.stderr
    assert set(steps.store.runs("p")) == {"training-r1", "inference-r1"}
    assert steps.store.run("p", "inference-r1").model.version == "local-1"


def pushed(url: str) -> dict[str, float]:
    lines = urlopen(f"{url}/metrics").read().decode().splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("atlas_")
    }


def test_metrics_reach_prometheus_format(project, pushgateway):
    config = {"model": {"name": "m", "from": {"part": "make.number"}}}
    score = {"score": {"class": "steps:Score", "inputs": {"model": "model.part"}}}
    steps = Steps(project, {"make": STEPS["make"], "list": STEPS["list"]}, score, config)
    for name in ("make", "list"):
        assert steps.run(name, ATLAS_PUSHGATEWAY_URL=pushgateway).returncode == 0
    interval = ("--interval-start", "2026-01-01", "--interval-end", "2026-01-02")
    for run, trigger in (("b1", "schedule"), ("b2", "backfill"), ("b3", "shadow")):
        done = steps.run(
            "score", *interval, "--trigger", trigger, run=run, flow="inference",
            ATLAS_PUSHGATEWAY_URL=pushgateway,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    found = pushed(pushgateway)
    group = 'environment="local",flow="inference",instance="",job="atlas"'
    rows = f'atlas_model_metric{{{group},metric="score.rows",pipeline="p"}}'
    assert found[rows] == 3
    end = f'atlas_batch_interval_end_timestamp_seconds{{{group},pipeline="p"}}'
    assert found[end] == 1767312000
    used = 'model="m",model_version="local-1",pipeline="p",run="inference-b1"'
    assert found[f"atlas_batch_info{{{group},{used}}}"] == 1
    assert not any("inference-b2" in key or "inference-b3" in key for key in found)
    trained = group.replace("inference", "training")
    assert found[f'atlas_step_success{{{trained},pipeline="p",step="list"}}'] == 1
    assert not steps.store.location.names("metrics/waiting")


def test_a_pushgateway_that_is_down_is_a_warning(project):
    steps = Steps(project, {"make": STEPS["make"]})
    down = "http://127.0.0.1:9"
    done = steps.run("make", ATLAS_PUSHGATEWAY_URL=down)
    assert done.returncode == 0
    assert f"warning: metrics not pushed: pushgateway at {down}: no answer" in done.stdout
    assert "they wait in the store, the next run or `atlas runs --sync` sends them" in done.stdout
    assert len(steps.store.location.names("metrics/waiting")) == 1


def executor_input(tmp_path: Path, **values: object) -> str:
    outputs = {
        "artifacts": {
            "number": {
                "artifacts": [{"name": "number", "uri": str(tmp_path / "number"), "metadata": {}}]
            }
        },
        "parameters": {"indexes": {"outputFile": str(tmp_path / "indexes")}},
        "outputFile": str(tmp_path / "deep" / "executor_output.json"),
    }
    return json.dumps({"inputs": {"parameterValues": values}, "outputs": outputs})


def test_kubeflow_s_executor_input(project, tmp_path):
    steps = Steps(project)
    given = executor_input(
        tmp_path, **{"run.id": "kfp-1", "parameter.start": 2, "run.interval_start": ""}
    )
    done = steps.run("make", "--executor-input", given, run="")
    assert done.returncode == 0, done.stderr
    assert steps.store.get("p", "training-kfp-1", "make", "number") == 2
    manifest = steps.store.manifest("p", "training-kfp-1", "make", "number")
    assert json.loads((tmp_path / "number").read_text())["sha256"] == manifest.sha256
    output = json.loads((tmp_path / "deep" / "executor_output.json").read_text())
    (artifact,) = output["artifacts"]["number"]["artifacts"]
    assert artifact["metadata"]["atlas"]["uri"] == f"{steps.store.url}/{manifest.data}"
    steps.run("list", run="kfp-1")
    keys = steps.run("each", "--keys", "--executor-input", executor_input(tmp_path), run="kfp-1")
    assert keys.returncode == 0, keys.stderr
    assert json.loads((tmp_path / "indexes").read_text()) == [0, 1]
    each = executor_input(tmp_path, **{"run.index": 1, "run.id": "kfp-1"})
    assert steps.run("each", "--executor-input", each, run="").returncode == 0
    assert steps.store.get("p", "training-kfp-1", "each", "number", index=1) == 2


def test_the_end_of_a_run(project):
    steps = Steps(project)
    steps.run("make")
    done = steps.run("make", "--finish")
    assert "not done: list, each, sum" in done.stdout
    assert steps.store.run_outcome("p", "training-r1")["status"] == "failed"
    assert os.environ.get("ATLAS_MLFLOW_URL") is None


def bring_the_rest(steps: Steps, taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send what a process hasn't: it has two seconds for that, which a busy machine may use up."""
    assert taker.events, "the last process has sent something"
    monkeypatch.setenv("ATLAS_OPENLINEAGE_URL", taker.url)
    send_waiting_lineage(steps.store)


def test_a_run_of_processes_is_told_to_a_catalogue_by_the_last_of_them(project, monkeypatch):
    steps = Steps(project)
    with serving(Taker()) as taker:
        told = {"ATLAS_OPENLINEAGE_URL": taker.url}
        for name in ("make", "list"):
            assert steps.run(name, **told).returncode == 0
        for index in range(3):
            assert steps.run("each", "--index", str(index), **told).returncode == 0
        assert taker.events == []
        assert steps.run("sum", **told).returncode == 0
        bring_the_rest(steps, taker, monkeypatch)
    check_events(taker.events)
    assert len({event["run"]["runId"] for event in taker.events}) == 7
    assert taker.states(".each") == ["START", "COMPLETE"] * 3
    assert taker.states(".training") == ["START", "COMPLETE"]


def test_a_run_that_fails_in_processes_is_told_so(project, monkeypatch):
    steps = Steps(
        project, {"make": STEPS["make"], "list": {"class": "steps:Break", "after": ["make"]}}
    )
    with serving(Taker()) as taker:
        told = {"ATLAS_OPENLINEAGE_URL": taker.url}
        steps.run("make", **told)
        assert steps.run("list", **told).returncode != 0
        steps.run("make", "--finish", **told)
        bring_the_rest(steps, taker, monkeypatch)
    check_events(taker.events)
    assert taker.states(".list") == ["START", "FAIL"]
    assert taker.states(".training") == ["START", "FAIL"]


def test_the_end_of_a_run_that_never_began(project):
    steps = Steps(project)
    done = steps.run("make", "--finish", run="never")
    assert done.returncode == 0, done.stderr
    assert "there is nothing to record" in done.stdout
    assert not steps.store.has_run("p", "training-never")


POINT = """
from atlas.store import Encoded, register

class Points(Encoded):
    name = "point"
    suffix = ".point"
    def accepts(self, value): return isinstance(value, complex)
    def encode(self, value): return repr(value).encode()
    def decode(self, content): return complex(content.decode())

register(Points())
"""
POINTS = """
class Point(NamedTuple):
    point: Any

class Turn(Template):
    def run(self, point: Any = 1j) -> Point:
        return Point(point * 1j)
"""


def test_the_plan_brings_the_projects_formats(project):
    installed = project.write("installed/points.py", POINT).parent
    project.write("pyproject.toml", '[tool.atlas]\nformats = ["points"]\n')
    turn = {"class": "steps:Turn"}
    again = {**turn, "inputs": {"point": "turn.point"}}
    steps = Steps(project, {"turn": turn, "again": again}, source=POINTS)
    for name in ("turn", "again"):
        done = steps.run(name, PYTHONPATH=str(installed))
        assert done.returncode == 0, done.stderr
    assert steps.store.manifest("p", "training-r1", "again", "point").format == "point"
    without = steps.run("turn", "--no-cache", run="r2")
    assert without.returncode == 1
    assert "module 'points' can't be imported: No module named 'points'" in without.stderr
    assert "has to be installed wherever steps run" in without.stderr


def test_a_module_that_steps_imports_brings_the_formats_of_inputs(project):
    """Each step is a process of its own: none finds what another has registered."""
    project.write("p/points.py", POINT)
    again = {"class": "steps:Turn", "inputs": {"point": "turn.point"}}
    source = f"import points\n{POINTS}"
    steps = Steps(project, {"turn": {"class": "steps:Turn"}, "again": again}, source=source)
    for name in ("turn", "again"):
        done = steps.run(name)
        assert done.returncode == 0, done.stderr


def test_a_run_that_a_clock_started_takes_the_last_interval_once(project, tmp_path):
    steps = Steps(project, config={"schedule": {"training": {"cron": "* * * * *"}}})
    given = {"run.id": "", "run.job": "it", "run.interval_end": "schedule", "parameter.start": 1}
    done = steps.run("make", "--executor-input", executor_input(tmp_path, **given), run="")
    assert done.returncode == 0, done.stderr
    run = steps.store.run("p", "training-it")
    start, end = (datetime.fromisoformat(each) for each in (run.interval_start, run.interval_end))
    assert end - start == timedelta(minutes=1)
    assert run.trigger == "schedule"
    steps.store.rebind(replace(run, interval_end="2026-01-01T00:00:00+00:00"))
    done = steps.run("make", "--executor-input", executor_input(tmp_path, **given), run="")
    assert done.returncode == 0, done.stderr
    assert steps.store.run("p", "training-it").interval_end == "2026-01-01T00:00:00+00:00"


def test_an_interval_may_be_empty_and_never_negative(project):
    """Airflow gives an empty one to a run that somebody has asked for."""
    steps = Steps(project)
    moment = "2026-01-01T00:00:00+00:00"
    assert steps.run("make", "--interval-start", moment, "--interval-end", moment).returncode == 0
    words = ("--interval-start", moment, "--interval-end", "2025-12-31")
    done = steps.run("make", *words, run="r2")
    assert done.returncode == 1
    assert "ends before it has begun; swap the two" in done.stderr
