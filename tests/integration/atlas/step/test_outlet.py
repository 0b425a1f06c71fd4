"""`python -m atlas.step`: what goes to a scheduler's log, by whatever way, has no secret in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests import canary
from tests.integration.atlas.step.test_main import Steps
from tests.projects import environment

MORE = """
import ctypes, time

class Hang(Template):
    def run(self) -> Number:
        print("begun", self.context.secrets["canary"], flush=True)
        time.sleep(60)

class Leave(Template):
    def run(self) -> Number:
        program = "import time; time.sleep(200)"
        left = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
        print("left", left.pid, self.context.secrets["canary"])
        return Number(1)

class Crash(Template):
    def run(self) -> Number:
        os.write(2, b"last words " + self.context.secrets["canary"].encode() + b"\\n")
        os.kill(os.getpid(), 11)
"""


@pytest.fixture
def steps(project):
    project.environment(secrets=canary.SECRETS)
    names = ("Tell", "Below", "Raise", "Exit", "Hang", "Leave", "Crash")
    training = canary.steps(*names)
    training["endless"] = {**training["hang"]}
    training["hang"]["timeout"] = "3s"
    return Steps(project, training, source=canary.SOURCE + MORE)


def run(steps: Steps, step: str, *more: str):
    process = steps.start(step, "--no-finish", *more, **canary.VARIABLES)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


@pytest.mark.parametrize("step", ["tell", "below", "raise", "exit"])
def test_nothing_is_told(steps, step):
    code, out, err = run(steps, step)
    assert code == (0 if step in ("tell", "below") else 1), err
    assert not canary.traces(out)
    assert not canary.traces(err)
    assert not canary.traces_below(steps.project.state)
    assert "***" in out + err
    if step == "below":
        assert out.count("fd one ") == err.count("fd two ") > 20
        assert out.endswith("TOLD BELOW\n")
    if step == "raise":
        assert "error: step raise: ValueError: refused ***\n" in err


def test_one_log_keeps_its_order(steps, tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-m", "atlas.step", "--plan", steps.plans["training"].digest]
    command += ["--run", "r1", "--step", "below", "--no-finish"]
    variables = environment(ATLAS_STORE=steps.store.url, **canary.VARIABLES)
    with log.open("wb") as file:
        subprocess.run(command, env=variables, stdout=file, stderr=file, check=True)
    marks = [line.split(" ")[1] for line in log.read_text().splitlines() if line.startswith("fd ")]
    assert marks[:6] == ["one", "two"] * 3
    assert not canary.traces(log.read_text())


def test_a_step_that_is_ended_has_said_what_it_said(steps):
    process = steps.start("endless", "--no-finish", **canary.VARIABLES)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun ***\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130, err


def test_a_step_that_takes_too_long(steps):
    code, out, err = run(steps, "hang")
    assert code == 1
    assert out == "begun ***\n"
    assert err.endswith("error: step hang: timed out after 3 s\n")


def test_a_step_that_crashes_has_its_last_words(steps):
    code, _, err = run(steps, "crash")
    assert code == -signal.SIGSEGV
    assert "last words ***\n" in err


def test_a_process_that_is_left_behind_holds_nothing_up(steps):
    process = steps.start("leave", "--no-finish", **canary.VARIABLES)
    assert process.stdout is not None
    assert process.stderr is not None
    _, pid, secret = process.stdout.readline().split()
    code = process.wait(150)
    os.kill(int(pid), signal.SIGKILL)  # It was still there.
    assert (code, secret) == (0, "***")
    process.stdout.close()
    process.stderr.close()


def test_tries_and_the_end_of_a_run(steps):
    code, out, err = run(steps, "raise", "--retry")
    assert code == 1
    assert not canary.traces(out + err)
    process = steps.start("raise", "--finish", "--if-failed", "1", **canary.VARIABLES)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert not canary.traces(out + err)
