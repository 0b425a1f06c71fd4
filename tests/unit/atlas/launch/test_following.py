"""Runs on an orchestrator: the same events as here, and every way out told."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from atlas.draw.report import report
from atlas.errors import AtlasError, PlatformError, TargetError
from atlas.launch import LaunchSettings, following, launch_pipelines
from atlas.launch.logs import Logs
from atlas.runner import events
from atlas.runner.units import Unit
from atlas.runs.history import history
from atlas.step import RunRequest, bind
from atlas.step.logs import log_key
from atlas.store import open_store
from atlas.targets.launcher import DONE, FAILED, RUNNING, RunStatus, TaskStatus
from tests.unit.atlas.launch.stepper import Stepper

SOURCE = """
class Words(NamedTuple):
    words: list[str]
class Word(NamedTuple):
    word: str
class Load(Template):
    count: int = 2
    def run(self) -> Words:
        return Words(["a", "b", "c"][: self.count])
class Shout(Template):
    def run(self, word: str) -> Word:
        return Word(word.upper())
class Join(Template):
    def run(self, words: list[str]) -> Word:
        return Word("".join(words))
class Fail(Template):
    def run(self, words: list[str]) -> Word:
        raise ValueError("no such word")
"""
STEPS = {
    "load": {"class": "steps:Load", "params": {"count": {"parameter": "count"}}},
    "shout": {"class": "steps:Shout", "foreach": {"word": "load.words"}},
    "join": {"class": "steps:Join", "inputs": {"words": "shout.word"}},
}
PARAMETERS = {"count": {"type": "integer", "default": 2, "minimum": 1, "maximum": 3}}
TELLING = (events.STEP_DONE, events.STEP_FAILED, events.STEP_RETRIED, events.STEP_SKIPPED)


class Talk:
    """A pipeline, its orchestrator, and what was reported of its runs."""

    def __init__(self, project, steps=STEPS, **stepper):
        project.pipeline("talk", SOURCE, steps, parameters=PARAMETERS)
        self.project = project
        self.stepper = Stepper(project.store, project.root / "talk", **stepper)
        self.events = []

    def train(self, **settings):
        pipelines = self.project.resolve("talk")
        chosen = [(one, one.plans["training"]) for one in pipelines]
        self.result = launch_pipelines(
            chosen, lambda _: self.stepper, self.project.store,
            LaunchSettings(**settings), listener=self.events.append, report=report,
        )  # fmt: skip
        return self.result.runs[0]

    def trace(self, told=None):
        return sorted(
            (one.kind, one.step, one.index, dict(one.outcome.outputs) if one.outcome else None)
            for one in told or self.events
            if one.kind in TELLING
        )

    def texts(self, kind):
        return [one.text for one in self.events if one.kind == kind]


@pytest.fixture
def talk(project):
    return Talk(project)


def failing(**more):
    return {
        "load": {"class": "steps:Load"},
        "fail": {"class": "steps:Fail", "inputs": {"words": "load.words"}, **more},
        "join": {"class": "steps:Join", "inputs": {"words": "load.words"}, "after": ["fail"]},
    }


def test_a_run_elsewhere_is_told_as_one_here(talk):
    run = talk.train()
    assert (run.ok, run.finished.status, talk.result.complete) == (True, "done", True)
    here = talk.project.run("talk")
    assert talk.trace() == talk.trace(here.events)
    (last,) = [one for one in talk.events if one.kind == events.RUN_ENDED]
    assert (last.done, last.total, last.text) == (4, 4, "done")
    assert (talk.project.state / "store" / "talk" / run.run.id / "report.html").exists()
    started = [(one.step, one.index) for one in talk.events if one.kind == events.STEP_STARTED]
    assert started == [("load", None), ("shout", 0), ("shout", 1), ("join", None)]


def test_a_failed_step_is_told_with_the_users_traceback_and_what_follows_is_skipped(project):
    talk = Talk(project, failing())
    run = talk.train()
    assert not run.ok
    assert run.error == "", "the step's line says it all"
    (failed,) = [one.outcome for one in talk.events if one.kind == events.STEP_FAILED]
    assert failed.error == "ValueError: no such word"
    assert 'raise ValueError("no such word")' in failed.traceback
    assert talk.texts(events.STEP_SKIPPED) == ["step fail isn't done"]
    assert run.finished.missing == ("fail", "join")
    assert [one.status for one in history(project.store).runs] == ["failed"]


def test_a_run_that_the_orchestrators_schedule_started_is_followed_and_not_refused(talk):
    """Nobody has launched it: its first step bound it, under the Plan's target."""
    interval = ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")
    (pipeline,) = talk.project.resolve("talk")
    plan = pipeline.plans["training"]
    talk.project.store.add_plan(plan)
    request = RunRequest("20260101T000000Z", *interval, trigger="schedule", target="airflow")
    run = bind(talk.project.store, plan, request)
    assert [one.status for one in history(talk.project.store).runs] == ["on airflow"]
    talk.stepper.plans[run.id], talk.stepper.runs[run.id] = plan, run
    followed = talk.train(run=run.id, interval_start=interval[0], interval_end=interval[1])
    assert (followed.error, followed.run.id, followed.ok) == ("", run.id, True)
    assert talk.stepper.submitted == []


def test_a_run_of_this_machine_is_not_taken_for_one_elsewhere(talk):
    talk.project.run("talk")
    (here,) = talk.project.store.runs("talk")
    refused = talk.train(run=here)
    assert "with another target" in refused.error
    assert talk.stepper.submitted == []


def test_a_run_is_given_to_the_target_that_it_was_bound_for_though_killed_in_between(
    talk, monkeypatch
):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("atlas.launch.opening.remember_target", die)
        with pytest.raises(KeyboardInterrupt):
            talk.train(run="training-a")
    again = talk.train(run="training-a")
    assert (again.error, talk.stepper.submitted) == ("", ["training-a"])


def test_attempts_are_told_one_by_one(project):
    talk = Talk(project, failing(retries={"limit": 2, "delay": "0s"}))
    talk.train()
    told = [
        (one.kind, one.outcome.attempts)
        for one in talk.events
        if one.step == "fail" and one.outcome
    ]
    assert told == [(events.STEP_RETRIED, 1), (events.STEP_RETRIED, 2), (events.STEP_FAILED, 3)]


def test_a_step_that_could_not_begin_fails_with_what_the_orchestrator_knows(project):
    talk = Talk(project, mute={"join": "its image can't be pulled; `atlas build`"})
    run = talk.train()
    (failed,) = [one for one in talk.events if one.kind == events.STEP_FAILED]
    assert (failed.step, failed.outcome.error) == ("join", talk.stepper.mute["join"])
    raw = project.store.outcome("talk", run.run.id, "join")
    assert raw["error"] == talk.stepper.mute["join"], "and it is on record"


def test_what_keeps_a_step_from_starting_is_said_once(talk):
    told = ["no node has room", "no node has room", "", "no such image"]
    own = talk.stepper.status

    def status(launched):
        if not told:
            return own(launched)
        why = told.pop()
        return RunStatus(RUNNING, [TaskStatus("load", RUNNING, None, why)], why)

    talk.stepper.status = status
    talk.train()
    notices = [one.text for one in talk.events if one.kind == events.NOTICE]
    assert [one for one in notices if "load doesn't start" in one] == [
        "talk: load doesn't start: no such image",
        "talk: load doesn't start: no node has room",
    ]
    assert sum(one.endswith(": no node has room") for one in notices) == 2


def test_a_repeat_follows_the_run_that_is_under_way(talk):
    left = talk.train(detach=True)
    assert left.ok
    assert left.finished is None
    assert [one.status for one in history(talk.project.store).runs] == ["on airflow"]
    again = talk.train()
    assert (again.ok, again.run.id) == (True, left.run.id)
    assert "on airflow, under way already" in talk.texts(events.RUN_STARTED)
    third = talk.train()
    assert third.run.id != left.run.id
    assert talk.stepper.submitted == [left.run.id, third.run.id]


def test_another_request_is_another_run(talk):
    first = talk.train(detach=True)
    second = talk.train(parameters={"count": 3})
    assert second.run.id != first.run.id
    assert second.run.parameters == {"count": 3}


def test_whoever_was_killed_before_the_orchestrator_had_the_run_gives_it_that_one(
    talk, monkeypatch
):
    def killed(plan, run):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(talk.stepper, "submit", killed)
        with pytest.raises(KeyboardInterrupt):
            talk.train()
    (bound,) = talk.project.store.runs("talk")
    assert talk.train().run.id == bound
    assert talk.stepper.submitted == [bound]


def test_the_way_back_needs_no_parameters(talk):
    left = talk.train(detach=True, parameters={"count": 3})
    assert talk.texts(events.NOTICE)[-1].startswith("talk/training: left to airflow; `atlas train")
    back = talk.train(run=left.run.id)
    assert (back.ok, back.run.parameters) == (True, {"count": 3})
    assert talk.stepper.submitted == [left.run.id]


def test_an_id_stands_for_one_run(talk):
    first = talk.train(run="nightly")
    assert first.run.id == "training-nightly"
    again = talk.train(run="nightly")
    assert (again.ok, talk.stepper.submitted) == (True, ["training-nightly"])
    assert talk.texts(events.RUN_STARTED)[-1] == "over already"
    other = talk.train(run="nightly", parameters={"count": 3})
    assert (
        "T308: run training-nightly of talk is there already, with another parameters"
        in other.error
    )


def test_a_run_whose_end_is_recorded_is_followed_until_its_model_is_registered(talk, monkeypatch):
    first = talk.train(run="nightly")
    states = [RunStatus(RUNNING), RunStatus(RUNNING), RunStatus(DONE)]
    monkeypatch.setattr(talk.stepper, "status", lambda _: states.pop(0))
    again = talk.train(run="nightly")
    assert (again.ok, again.run.id) == (True, first.run.id)
    assert states == []
    assert talk.texts(events.RUN_STARTED)[-1] == "on airflow, under way already"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"parameters": {"count": 9}}, "parameters.count: 9 is above the maximum of 3"),
        ({"interval_start": "soon", "interval_end": "2026-01-01"}, "'soon' isn't a date or time"),
    ],
)
def test_what_is_wrong_with_a_run_is_told_before_anything_starts(talk, settings, text):
    assert text in talk.train(**settings).error
    assert talk.stepper.submitted == []
    assert talk.project.store.runs("talk") == []


def test_a_parameter_that_no_pipeline_has(talk):
    with pytest.raises(AtlasError, match="no pipeline has a parameter 'size'; there are count"):
        talk.train(parameters={"size": 1})


def test_a_run_that_was_ended_there_is_told_with_its_reason(talk):
    left = talk.train(detach=True)
    talk.stepper.ended[left.run.id] = RunStatus(FAILED, (), "the run was set to failed in Airflow")
    run = talk.train()
    assert run.error == "T305: airflow ended the run: the run was set to failed in Airflow"
    assert run.finished.missing == ("load", "shout", "join")
    assert set(talk.texts(events.STEP_SKIPPED)) == {
        "the run ended before it began",
        "step load isn't done",
    }


def test_time_that_is_up_cancels_there(talk):
    talk.stepper.ended = Unending()
    run = talk.train(timeout=0.2)
    assert talk.stepper.cancelled == [run.run.id]
    assert run.error == "T307: not over after 0.2 s"
    assert (talk.result.complete, talk.result.timed_out) == (False, True)
    assert (
        "talk/training: T307: not over after 0.2 s: cancellation requested on airflow"
        in talk.texts(events.NOTICE)
    )


class Unending(dict):
    """Runs that never get anywhere, until one is cancelled."""

    def __contains__(self, run):
        return True

    def __missing__(self, run):
        return RunStatus("running", [TaskStatus("load", "running")])


def test_an_interrupt_cancels_there_and_says_so(talk):
    talk.stepper.after = lambda: os.kill(os.getpid(), signal.SIGINT)
    run = talk.train()
    assert talk.stepper.cancelled == [run.run.id]
    assert (talk.result.complete, talk.result.timed_out, talk.result.ok) == (False, False, False)
    assert "talk/training: interrupted: cancellation requested on airflow" in talk.texts(
        events.NOTICE
    )
    assert run.finished.status == "failed", "what came of it is on record"


def test_what_a_cancelled_run_is_waited_for_is_said_again_and_again(talk, monkeypatch):
    monkeypatch.setattr(following, "_ENDING", 0.5)
    monkeypatch.setattr(following, "_REPORTING", 0.01)
    monkeypatch.setattr(talk.stepper, "cancel", lambda launched: None)
    talk.stepper.ended = Unending()
    run = talk.train(timeout=0.1)
    told = [text for text in talk.texts(events.NOTICE) if "waiting up to" in text]
    assert len(told) >= 2
    assert told[0] == (
        "talk/training: waiting up to 0 s for airflow to end the run (running there: load); "
        "Ctrl-C again stops waiting"
    )
    assert run.error.startswith("T307: not over after 0.1 s; ")


def test_a_run_that_is_refused_has_ended_and_is_not_left_there(talk, monkeypatch):
    def refused(plan, run):
        raise TargetError("T311: no such version")

    with monkeypatch.context() as patched:
        patched.setattr(talk.stepper, "submit", refused)
        run = talk.train()
    assert run.error == "T311: no such version"
    (entry,) = history(talk.project.store).runs
    assert entry.status == "failed"
    assert talk.train().ok, "a repeat is a new run"
    assert len(talk.stepper.submitted) == 1


def test_a_run_that_is_refused_because_it_is_there_stays(talk, monkeypatch):
    def refused(plan, run):
        talk.stepper.runs[run.id] = run
        raise TargetError("T311: its id is taken")

    monkeypatch.setattr(talk.stepper, "submit", refused)
    assert talk.train().error == "T311: its id is taken"
    (entry,) = history(talk.project.store).runs
    assert entry.status == "on airflow"


def test_an_orchestrator_that_is_silent_for_a_while_is_waited_for(talk):
    talk.stepper.silent = 2
    assert talk.train().ok
    assert talk.texts(events.NOTICE) == ["talk/training: stepper: no answer; trying again"]


def test_one_that_stays_silent_is_given_up_with_the_way_back(talk):
    talk.stepper.silent = 10**6
    run = talk.train(patience=0.1)
    way = f"`atlas train --config talk --target airflow --run {run.run.id}` follows it"
    assert run.error.startswith("T306: stepper: no answer; the run may go on")
    assert way in run.error
    talk.stepper.silent = 0
    assert talk.train(run=run.run.id).ok


def test_logs_are_told_line_by_line_only_when_asked_for(talk):
    talk.train()
    assert talk.texts(events.LOG) == []
    talk.train(logs=True)
    assert talk.texts(events.LOG).count("load says hello") == 1


def test_what_died_before_it_logged_is_told_by_its_pod(project):
    pods = {
        ("load", None, True): "of a step that went well: not looked at\n",
        ("join", None, True): "ImportError: no module\npod a-join: OOMKilled, exit code 137\n",
    }
    talk = Talk(project, mute={"join": "its pod failed"}, pods=pods)
    talk.train()
    assert talk.texts(events.LOG) == []
    talk = Talk(project, mute={"join": "its pod failed"}, pods=pods)
    talk.train(logs=True)
    told = talk.texts(events.LOG)
    assert [line for line in told if line.startswith(("Imp", "pod", "of a step"))] == [
        "ImportError: no module",
        "pod a-join: OOMKilled, exit code 137",
    ]


def test_lines_that_a_pod_has_told_are_not_told_again(tmp_path):
    store, told = open_store(tmp_path.as_uri()), []
    run = SimpleNamespace(pipeline="p", id="r")
    answers = iter(["booting\none\n", "one\ntwo\n", "two\nthree\n"])
    progress = SimpleNamespace(
        running=lambda: [Unit("s", 1)], outcomes={}, tell=lambda kind, unit, line: told.append(line)
    )
    logs = Logs(store, run, progress, lambda step, index, *, is_over: next(answers))
    for _ in range(3):
        logs._next.clear()
        logs.look()
    assert told == ["booting", "one", "two", "three"]
    store.location.write(log_key(run, "s", 1), b"one\ntwo\nthree\nfour\n")
    logs.look()
    logs.finish()
    assert told == ["booting", "one", "two", "three", "four"]


def test_a_run_that_cannot_be_cancelled_says_that_it_may_go_on(talk, monkeypatch):
    def refused(launched):
        raise PlatformError("stepper: no")

    talk.stepper.ended = Unending()
    monkeypatch.setattr(talk.stepper, "cancel", refused)
    assert (
        talk.train(timeout=0.1).error == "can't be cancelled: stepper: no; it may still run there"
    )
