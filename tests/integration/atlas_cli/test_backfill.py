"""A back-fill that can't be says where, what was found and what to write."""

from __future__ import annotations

import pytest

from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Out(NamedTuple):
    number: int

class Work(Template):
    def run(self) -> Out:
        return Out(1)
"""
STEPS = {"work": {"class": "steps:Work"}}


def said(done):
    return " ".join(done.stderr.split())


def test_without_an_inference_flow_it_says_where(project):
    project.pipeline("p", SOURCE, STEPS)
    done = project.atlas("backfill", "p", "--from", "2026-01-01")
    assert (done.returncode, done.stdout) == (1, "")
    assert said(done) == (
        "error: p: no pipeline there has the flow inference; expected a Config with recipes.inference"
    )


DAILY = {"schedule": {"inference": {"cron": "0 6 * * *", "start": "2026-01-01"}}}


@pytest.mark.parametrize(
    ("config", "options", "text"),
    [
        (DAILY, ["--from", "yesterday"], "yesterday"),
        (DAILY, ["--from", "2026-02-01", "--to", "2026-01-01"], "2026-01-01"),
        ({}, ["--from", "2026-01-01"], "B001: p: inference has no schedule"),
    ],
)
def test_times_that_cannot_be_are_refused(project, config, options, text):
    project.pipeline("p", SOURCE, STEPS, STEPS, config)
    done = project.atlas("backfill", "p", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert text in said(done)
    assert "Traceback" not in done.stderr
