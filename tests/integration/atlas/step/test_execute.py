"""What a step is given, what it may return, and how it fails."""

from __future__ import annotations

import pytest

from atlas.runner import RunSettings

SOURCE = """
import sys
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict
from atlas import Bounds
if TYPE_CHECKING:
    from pandas import DataFrame

class Number(NamedTuple):
    number: int

@dataclass
class Words:
    words: list[str]

class Both(TypedDict):
    a: int
    b: str

class Hidden(NamedTuple):
    frame: "DataFrame"

class Make(Template):
    how: str = "named"
    def run(self) -> Number:
        return Number(1)

class Dataclass(Template):
    def run(self) -> Words:
        return Words(["x"])

class Typed(Template):
    def run(self) -> Both:
        return {"a": 1, "b": "x"}

class Short(Template):
    def run(self) -> Both:
        return {"a": 1}

class Wrong(Template):
    def run(self) -> Number:
        return Number("one")

class Nothing(Template):
    def run(self) -> Number:
        return None

class Bare(Template):
    def run(self) -> Number:
        return 1

class Other(Template):
    def run(self) -> Number:
        return Words([])

class Unseen(Template):
    def run(self) -> Hidden:
        return Hidden([1])

class Raises(Template):
    def run(self) -> Number:
        def inner():
            raise ValueError("first line" + chr(10) + "second line")
        inner()

class Caused(Template):
    def run(self) -> Number:
        try:
            {}["key"]
        except KeyError as error:
            raise RuntimeError("wrapped") from error

class Exits(Template):
    def run(self) -> Number:
        sys.exit(0)

class Exhausts(Template):
    def run(self) -> Number:
        raise MemoryError

class Set(NamedTuple):
    value: Any

class Unkept(Template):
    def run(self) -> Set:
        return Set([{1: object()}])

class NotANumber(Template):
    def run(self) -> Number:
        self.context.metric("x", float("nan"))
        return Number(1)

class Facts(NamedTuple):
    facts: dict[str, Any]

class Tell(Template):
    label: str
    ratio: Annotated[float, Bounds(0, 1)] = 0.5
    pair: tuple[int, int] = (0, 0)
    end: str = ""
    def run(self) -> Facts:
        c = self.context
        return Facts({"label": self.label, "ratio": self.ratio, "pair": list(self.pair), "end": self.end,
                      "step": c.step, "run": c.run, "pipeline": c.pipeline, "start": c.interval_start,
                      "tuple": isinstance(self.pair, tuple)})
"""


def step(project, cls: str, params=None, **more):
    steps = {"one": {"class": f"steps:{cls}", **({"params": params} if params else {}), **more}}
    project.pipeline("p", SOURCE, steps)
    return project.run(settings=RunSettings(interval_start="2026-01-01", interval_end="2026-01-02"))


@pytest.mark.parametrize(
    ("cls", "values"),
    [("Make", {"number": 1}), ("Dataclass", {"words": ["x"]}), ("Typed", {"a": 1, "b": "x"})],
)
def test_what_may_be_returned(project, cls, values):
    ran = step(project, cls)
    assert ran.ok, ran.errors()
    assert {name: ran.value("one", name) for name in values} == values


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        ("Short", "output 'b' is missing: steps:Short returned a"),
        ("Wrong", "output 'number' is a str, expected int"),
        ("Nothing", "output 'number' is missing: steps:Nothing returned nothing"),
        ("Bare", "returned a int, expected Number"),
        ("Other", "expected Number"),
        ("Unseen", "output 'frame' is a list, expected DataFrame"),
        ("Raises", "ValueError: first line"),
        ("Caused", "RuntimeError: wrapped"),
        ("Exits", "called sys.exit(0)"),
        ("Exhausts", "MemoryError"),
        ("Unkept", "output 'value': no format keeps a value of type list with an object at [0][1]"),
        ("NotANumber", "metric 'x' is nan, expected a finite number"),
    ],
)
def test_how_steps_fail(project, cls, words):
    ran = step(project, cls)
    assert not ran.ok
    assert words in ran.errors()["one"]
    recorded = project.store.outcome("p", ran.id, "one")
    assert recorded["status"] == "failed"
    assert recorded["error"] == ran.errors()["one"]
    assert ran.first.finished.missing == ("one",)


def test_the_traceback_is_the_user_s(project):
    text = step(project, "Raises").outcome("one").traceback
    first, second = [line for line in text.splitlines() if line.startswith("  File ")]
    assert "steps.py" in first
    assert first.endswith("in run")
    assert second.endswith("in inner")
    assert text.rstrip().endswith("second line")


def test_where_a_metric_was_wrong(project):
    text = step(project, "NotANumber").outcome("one").traceback
    assert 'self.context.metric("x"' in text
    assert "/atlas/step/" not in text


def test_a_cause_is_part_of_it(project):
    text = step(project, "Caused").outcome("one").traceback
    assert "KeyError: 'key'" in text
    assert "direct cause" in text
    assert "/atlas/step/" not in text


def test_an_import_that_fails_is_told_from_the_user_s_code_on(project):
    project.write("p/helpers.py", "from os import nosuch\n")
    project.pipeline("p", f"{SOURCE}\nimport helpers\n", {"one": {"class": "steps:Make"}})
    text = project.run().outcome("one").traceback
    places = [line for line in text.splitlines() if line.startswith("  File ")]
    first, second = (one.rpartition("/")[2] for one in places)
    assert first.startswith("steps.py")
    assert second == 'helpers.py", line 1, in <module>'


def test_a_syntax_error_says_its_own_place(project):
    project.pipeline("p", SOURCE, {"one": {"class": "steps:Make"}})
    plans = project.resolve()
    project.write("p/steps.py", "def (\n")
    from atlas.runner import run_pipelines

    result = run_pipelines(plans)
    assert not result.ok


def test_facts_and_params(project):
    params = {"label": "x", "ratio": 1, "pair": [1, 2], "end": {"run": "interval_end"}}
    ran = step(project, "Tell", params)
    assert ran.ok, ran.errors()
    assert ran.value("one", "facts") == {
        "label": "x", "ratio": 1, "pair": [1, 2], "end": "2026-01-02T00:00:00+00:00",
        "step": "one", "run": ran.id, "pipeline": "p", "start": "2026-01-01T00:00:00+00:00", "tuple": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "param 'label' is missing"),
        ({"label": "x", "lable": 1}, "unknown param 'lable'"),
        ({"label": 1}, "params.label: found 1, expected str"),
        ({"label": "x", "ratio": 2.0}, "params.ratio: found 2.0"),
        ({"label": "x", "pair": [1]}, "params.pair: found [1], expected tuple[int, int]"),
    ],
)
def test_params_that_don_t_fit(project, params, words):
    from dataclasses import replace

    from atlas.plan import Value
    from atlas.runner.local_run import LocalRun
    from atlas.runner.run import run_all

    project.pipeline("p", SOURCE, {"one": {"class": "steps:Tell", "params": {"label": "x"}}})
    pipeline = project.resolve()[0]
    plan = pipeline.plans["training"]
    wrong = {name: Value("value", value) for name, value in params.items()}
    plan = replace(plan, steps=(replace(plan.steps[0], params=wrong),))
    run = LocalRun(plan, pipeline.folder, project.store, RunSettings())
    run_all([run], RunSettings())
    assert words in run.outcomes["one", None].error
