"""Steps in processes of their own: what they print, and what they do to their process."""

from __future__ import annotations

import json
from pathlib import Path

from atlas.runner import RunSettings
from atlas.runner.events import LOG
from tests.projects import project

__all__ = ["project"]

SOURCE = """
import logging
import os
import sys

class Number(NamedTuple):
    number: int

class Speak(Template):
    def run(self) -> Number:
        print("in Python")
        self.context.logger.info("logged")
        os.system("echo below")
        sys.stderr.write("no line end")
        return Number(1)

class Silence(Template):
    def run(self) -> Number:
        print("before")
        sys.stdout = None
        sys.stderr.close()
        return Number(1)

class After(Template):
    def run(self, number: int) -> Number:
        print("heard again")
        return Number(number)

class Much(Template):
    def run(self) -> Number:
        for number in range(20_000):
            print(number, "é" * 20)
        return Number(1)

class Crash(Template):
    def run(self) -> Number:
        print("last words")
        os._exit(3)
"""


def step(name: str, after: str = "") -> dict:
    inputs = {"inputs": {"number": f"{after}.number"}} if after else {}
    return {"class": f"steps:{name}", **inputs}


def ran(project, steps: dict, jobs: int = 1):
    project.pipeline("p", SOURCE, steps)
    return project.run("p", RunSettings(isolate="process", jobs=jobs))


def said(ran, step: str) -> list[str]:
    return [one.text for one in ran.events if one.kind == LOG and one.step == step]


def log(ran, step: str) -> str:
    return Path(ran.first.place, step, "log.txt").read_text("utf-8")


def test_what_a_step_prints_is_told_before_its_end(project):
    done = ran(project, {"speak": step("Speak")})
    assert done.ok
    lines = said(done, "speak")
    assert [lines[0], lines[2], lines[3]] == ["in Python", "below", "no line end"]
    assert lines[1].endswith("INFO logged")
    assert "\n".join(lines) == log(done, "speak")
    kinds = [one.kind for one in done.events if one.step == "speak"]
    assert kinds == ["step-started", *[LOG] * 4, "step-done"]


def test_what_is_printed_is_among_the_lines_of_json(project):
    project.pipeline("p", SOURCE, {"speak": step("Speak")})
    shown = project.atlas("run", "p", "--isolate", "process", "--json")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    assert next(one["text"] for one in events if one["event"] == "log") == "in Python"
    assert shown.stderr == ""


def test_a_step_that_takes_its_streams_away(project):
    done = ran(project, {"silence": step("Silence"), "after": step("After", "silence")})
    assert done.ok, done.errors()
    assert said(done, "silence") == ["before"]
    assert said(done, "after") == ["heard again"]


def test_more_than_a_pipe_holds(project):
    done = ran(project, {"much": step("Much")})
    assert done.ok
    assert said(done, "much") == [f"{number} {'é' * 20}" for number in range(20_000)]
    assert log(done, "much").count("\n") == 20_000


def test_a_process_that_ends_by_itself_leaves_its_last_words(project):
    done = ran(project, {"crash": step("Crash")})
    assert said(done, "crash") == ["last words"]
    assert done.errors()["crash"].endswith("its process ended by itself, with exit code 3")


def test_a_log_that_can_t_be_written_fails_its_step(project, monkeypatch):
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("atlas.runner.streams.StepLog.write", full)
    done = ran(project, {"speak": step("Speak")})
    assert "its log can't be written: no space left on device" in done.errors()["speak"]
