"""The report of a run: everything in one page, and nothing of it markup by accident."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from atlas.draw.gantt import marks_of
from atlas.draw.report import report
from atlas.plan import InputSource, Output, Plan, PlanStep, Value
from atlas.step import DONE, FAILED, Outcome
from atlas.store import ModelVersion, Run

PLAN = Plan(
    "p", "p", "p", "inference", "r", "local", "local",
    (
        PlanStep("load", "steps:Load", params={"x": Value("value", "<b>"), "y": Value("parameter", "n")}),
        PlanStep("score", "steps:Score", {"rows": InputSource("step", "load", "rows")},
                 outputs={"s": Output(), "page": Output("atlas.template.Html"), "notes": Output("str", "markdown")}),
        PlanStep("write", "steps:Write", {"rows": InputSource("step", "score", "s")}),
    ),
    description="Score & write.",
)  # fmt: skip
RUN = Run(
    "inference-1", "p", "inference", PLAN.digest, "2026-01-01", "2026-01-02", {"n": 3},
    ModelVersion("m", "7"), commit="c0ffee", created="2026-01-02T00:00:00+00:00",
)  # fmt: skip
START = "2026-01-02T00:00:01+00:00"
OUTCOMES = {
    ("load", None): Outcome(DONE, started=START, seconds=1, cached=True, reason="p/inference-0", outputs={"rows": "ab"}),
    ("score", 0): Outcome(DONE, started=START, seconds=2.5, reason="it hasn't run before", metrics={"auc": 0.9},
                           outputs={"s": "ab", "page": "cd"}),
    ("score", 1): Outcome(FAILED, started=START, error="ValueError: <boom>", traceback="Traceback\n  x < y\n", attempts=2),
}  # fmt: skip
SKIPPED = {"write": "step score isn't done"}


class Checker(HTMLParser):
    """Checks that tags are balanced, and gathers the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return report(PLAN, RUN, OUTCOMES, SKIPPED)


def test_the_page_is_whole(page):
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    for part in (
        "inference-1", "failed", "ValueError: <boom>", "x < y", "score[1]", "0.9", "from p/inference-0",
        "not cached: it hasn't run before", "step score isn't done", "c0ffee", "m, version 7", "<b>",
        "by the parameter", "Score & write.", PLAN.digest, "2026-01-01 to 2026-01-02",
    ):  # fmt: skip
        assert part in checker.text, part


def test_it_loads_nothing(page):
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_it_leads_to_the_reports_of_steps(page):
    assert '<a href="../../p/inference-1/score/0000/page/data.html">html</a>' in page
    assert page.count("<a ") == 1
    earlier = Outcome(DONE, cached=True, reason="p/a b", outputs={"notes": "ef"}, started=START)
    cached = report(PLAN, RUN, {("score", 0): earlier}, {})
    assert '<a href="../../p/a%20b/report.html">markdown, in p/a b</a>' in cached


def test_the_worst_key_marks_a_step():
    assert marks_of(OUTCOMES, SKIPPED) == {"load": "cached", "score": "failed", "write": "skipped"}


def test_a_run_of_nothing():
    assert "Nothing ran." in report(PLAN, RUN, {}, {"load": "x"})
