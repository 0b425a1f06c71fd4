"""A step's log is in the store, whatever runs it: as it comes, of all attempts, without secrets."""

from __future__ import annotations

import os
import signal
import time

import boto3
import pytest

from atlas.masking import Mask
from atlas.plan import Plan, PlanStep
from atlas.step.job import Job
from atlas.step.logs import LONGEST, keep_log, log_key, read_log
from atlas.step.outlet import masked_output
from atlas.store import Run, Store, open_store
from atlas.store.remote import BucketLocation
from tests import canary
from tests.integration.atlas.step.test_main import Steps
from tests.servers import s3

__all__ = ["s3"]

SOURCE = """
import os, subprocess, sys, time
from typing import NamedTuple
from atlas import Template

class Number(NamedTuple):
    number: int

class Say(Template):
    def run(self) -> Number:
        print("by Python", self.context.secrets["canary"])
        sys.stdout.flush()
        os.write(2, b"below Python\\n")
        subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
        self.context.logger.info("by the logger")
        return Number(1)

class Break(Say):
    def run(self) -> Number:
        super().run()
        raise ValueError("it broke")

class Slow(Template):
    def run(self) -> Number:
        print("begun", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def steps(project):
    project.environment(secrets=canary.SECRETS)
    secret = {"secrets": ["canary"]}
    training = {
        "say": {"class": "steps:Say", **secret}, "break": {"class": "steps:Break", "after": ["say"], **secret},
        "slow": {"class": "steps:Slow", "after": ["break"], "timeout": "3s"},
        "endless": {"class": "steps:Slow", "after": ["break"]},
    }  # fmt: skip
    return Steps(project, training, source=SOURCE)


def run(steps: Steps, step: str, *more: str) -> tuple[int, str]:
    process = steps.start(step, "--no-finish", *more, **canary.VARIABLES)
    _, err = process.communicate(timeout=200)
    return process.returncode, err


def log(steps: Steps, step: str) -> str:
    one = Run("training-r1", "p", "training", "")
    return read_log(steps.store.location, one, step)


def test_it_has_what_was_printed_by_whatever_way_and_no_secret(steps):
    code, err = run(steps, "say")
    assert code == 0, err
    text = log(steps, "say")
    for part in ("by Python ***\n", "below Python\n", "by a child\n", "by the logger\n"):
        assert text.count(part) == 1
    assert not canary.traces(text)


def test_it_has_every_attempt_with_its_end(steps):
    assert [run(steps, "break")[0], run(steps, "break")[0]] == [1, 1]
    assert log(steps, "break").count("error: step break: ValueError: it broke") == 2


def test_a_run_that_replaces_its_output_replaces_its_log(steps):
    run(steps, "say")
    run(steps, "say", "--no-cache")
    assert log(steps, "say").count("by a child") == 1


def test_it_can_be_read_while_the_step_runs_and_says_that_time_was_up(steps):
    process = steps.start("slow", "--no-finish")
    while "begun\n" not in log(steps, "slow"):
        assert process.poll() is None
        time.sleep(0.02)
    process.communicate(timeout=200)
    assert log(steps, "slow").endswith("error: step slow: timed out after 3 s\n")


def test_a_step_that_is_killed_has_said_what_it_said(steps):
    process = steps.start("endless", "--no-finish")
    while "begun\n" not in log(steps, "endless"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=200)
    assert log(steps, "endless") == "begun\n"


def test_who_keeps_the_log_itself_says_so(steps):
    assert run(steps, "say", "--no-log")[0] == 0
    assert log(steps, "say") == ""


def test_a_log_that_cannot_be_kept_is_no_reason_to_fail(steps):
    folder = steps.store.location.local(log_key(Run("training-r1", "p", "training", ""), "say"))
    folder.mkdir(parents=True)
    code, err = run(steps, "say")
    assert code == 0
    assert "the step's log isn't kept" in err


def job_in(url: str, tmp_path, attempt: int = 1) -> Job:
    step = PlanStep("say", "s:S")
    plan = Plan("p", "p", "p", "training", "r", "local", "kubeflow", (step,))
    one = Run("training-r1", "p", "training", plan.digest)
    return Job(Store(BucketLocation(url)), plan, one, step, tmp_path, attempt=attempt)


@pytest.mark.parametrize("mask", [Mask(), Mask(["s3cret-value"])])
def test_to_a_store_that_is_no_folder_it_is_sent(tmp_path, capfd, mask):
    url = f"memory://logs-{os.getpid()}-{bool(mask)}"
    for attempt in (1, 2):
        job = job_in(url, tmp_path, attempt)
        with masked_output(mask, is_kept=True):
            keep_log(job)
            os.write(1, b"attempt %d s3cret-value\n" % attempt)
            os.write(1, b"and more\n")
    text = read_log(job.store.location, job.run, "say")
    shown = "***" if mask else "s3cret-value"
    assert [*text.splitlines()] == [
        f"attempt 1 {shown}", "and more", f"attempt 2 {shown}", "and more"
    ]  # fmt: skip


def test_of_a_very_long_one_the_end_is_sent(tmp_path, capfd):
    job = job_in(f"memory://long-{os.getpid()}", tmp_path)
    with masked_output(Mask(), is_kept=True):
        keep_log(job)
        for _ in range(12):
            os.write(1, b"x" * (1 << 20))
        os.write(1, b"the end\n")
    text = read_log(job.store.location, job.run, "say")
    assert len(text) == LONGEST
    assert text.endswith("xthe end\n")


def test_the_log_of_a_short_step_is_in_a_bucket_once_its_process_has_ended(steps, s3, monkeypatch):
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="step-logs")
    store = open_store("s3://step-logs/store")
    for file in steps.store.location.entries(""):
        store.location.write(file.key, steps.store.location.read(file.key))
    code, err = run(steps, "say", "--store", store.location.url)
    assert (code, "isn't kept" in err) == (0, False)
    text = read_log(store.location, Run("training-r1", "p", "training", ""), "say")
    assert "by Python ***\n" in text
    assert text.endswith("by the logger\n")
