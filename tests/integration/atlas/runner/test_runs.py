"""Runs in this process: order, concurrency, keys, retries, selections, resuming."""

from __future__ import annotations

import json
import sys

import pytest

from atlas.errors import AtlasError
from atlas.runner import RunSettings, Selection

SOURCE = """
import threading
import time
from pathlib import Path

class Number(NamedTuple):
    number: int

class Numbers(NamedTuple):
    numbers: list[int]

class Make(Template):
    start: int = 1
    def run(self) -> Number:
        return Number(self.start)

class Double(Template):
    def run(self, number: int) -> Number:
        return Number(2 * number)

class Add(Template):
    def run(self, a: int, b: int) -> Number:
        return Number(a + b)

class List(Template):
    count: int = 3
    def run(self) -> Numbers:
        return Numbers(list(range(self.count)))

class Square(Template):
    def run(self, key: int) -> Number:
        self.context.metric("square", key * key)
        print("index", self.context.index)
        return Number(key * key)

class Sum(Template):
    def run(self, numbers: list[int]) -> Number:
        return Number(sum(numbers))

class Meet(Template):
    path: str
    def run(self) -> Number:
        Path(self.path, self.context.step).touch()
        for _ in range(1000):
            if len(list(Path(self.path).iterdir())) == 2:
                return Number(1)
            time.sleep(0.01)
        raise RuntimeError("alone")

class Flaky(Template):
    path: str
    fails: int = 2
    def run(self) -> Number:
        with Path(self.path).open("a") as file:
            file.write("x")
        if len(Path(self.path).read_text()) <= self.fails:
            raise RuntimeError("not yet")
        return Number(1)

class Broken(Template):
    def run(self, number: int) -> Number:
        raise RuntimeError("broken")
"""
DIAMOND = {
    "make": {"class": "steps:Make"},
    "left": {"class": "steps:Double", "inputs": {"number": "make.number"}},
    "right": {"class": "steps:Double", "inputs": {"number": "left.number"}},
    "add": {"class": "steps:Add", "inputs": {"a": "left.number", "b": "right.number"}},
}


def test_a_diamond(project):
    project.pipeline("p", SOURCE, DIAMOND)
    ran = project.run()
    assert ran.ok
    assert ran.value("add", "number") == 6
    kinds = [event.kind for event in ran.events]
    assert kinds[0] == "run-started"
    assert kinds[-1] == "run-ended"
    assert kinds.count("step-done") == 4
    assert ran.events[-1].done == ran.events[-1].total == 4
    assert [e.to_json()["event"] for e in ran.events] == kinds


def test_a_pipeline_runs_itself(project):
    project.pipeline("p", SOURCE, DIAMOND)
    (pipeline,) = project.resolve()
    assert pipeline.run().ok
    assert pipeline.run(RunSettings(use_cache=False), flows=("training",)).ok


def test_independent_steps_run_at_once(project, tmp_path):
    meet = tmp_path / "meet"
    meet.mkdir()
    steps = {
        name: {"class": "steps:Meet", "params": {"path": str(meet)}, "after": ["make"]}
        for name in ("one", "two")
    }
    project.pipeline("p", SOURCE, {"make": {"class": "steps:Make"}, **steps})
    ran = project.run(settings=RunSettings(jobs=2))
    assert ran.ok, ran.errors()


def each(count: int = 3):
    return {
        "list": {"class": "steps:List", "params": {"count": count}},
        "square": {"class": "steps:Square", "foreach": {"key": "list.numbers"}},
        "sum": {"class": "steps:Sum", "inputs": {"numbers": "square.number"}},
    }


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_one_unit_a_key(project, isolate):
    project.pipeline("p", SOURCE, each(3))
    ran = project.run(settings=RunSettings(isolate=isolate, jobs=2))
    assert ran.ok, ran.errors()
    assert [ran.value("square", "number", index) for index in range(3)] == [0, 1, 4]
    assert ran.value("sum", "number") == 5
    assert ran.outcome("square", 2).metrics == {"square": 4.0}
    log = project.store.location.read(f"p/{ran.id}/square/0001/log.txt")
    assert log == b"index 1\n"


def test_no_key_at_all(project):
    project.pipeline("p", SOURCE, each(0))
    ran = project.run()
    assert ran.ok
    assert ran.value("sum", "number") == 0
    assert ran.events[-1].done == ran.events[-1].total == 2


def test_too_many_keys(project):
    project.pipeline("p", SOURCE, each(1001))
    ran = project.run()
    assert not ran.ok
    assert "found 1001 keys" in ran.errors()["square"]
    assert ran.first.skipped == {"sum": "step square isn't done"}


def test_keys_that_are_no_list(project):
    steps = each()
    steps["list"] = {"class": "steps:Make"}
    steps["square"]["foreach"] = {"key": "list.number"}
    project.pipeline("p", SOURCE.replace("number: int", "number: Any"), steps)
    assert "found a int, expected a JSON list" in project.run().errors()["square"]


def test_retries(project, tmp_path):
    retries = {"limit": 2, "delay": "1ms"}
    step = {"class": "steps:Flaky", "params": {"path": str(tmp_path / "tries")}, "retries": retries}
    project.pipeline("p", SOURCE, {"flaky": step})
    ran = project.run()
    assert ran.ok
    assert ran.outcome("flaky").attempts == 3
    assert [e.kind for e in ran.events].count("step-retried") == 2


def test_retries_end(project, tmp_path):
    params = {"path": str(tmp_path / "tries"), "fails": 9}
    step = {"class": "steps:Flaky", "params": params, "retries": {"limit": 1, "delay": "1ms"}}
    project.pipeline("p", SOURCE, {"flaky": step})
    ran = project.run()
    assert ran.errors() == {"flaky": "RuntimeError: not yet"}
    assert ran.outcome("flaky").attempts == 2


def test_other_branches_go_on_after_a_failure(project):
    steps = {
        **DIAMOND,
        "broken": {"class": "steps:Broken", "inputs": {"number": "make.number"}},
        "behind": {"class": "steps:Double", "inputs": {"number": "broken.number"}},
    }
    project.pipeline("p", SOURCE, steps)
    ran = project.run(settings=RunSettings(jobs=1))
    assert not ran.ok
    assert ran.value("add", "number") == 6
    assert ran.first.skipped == {"behind": "step broken isn't done"}
    assert ran.first.finished.missing == ("broken", "behind")


def test_resuming_repeats_nothing_that_is_done(project):
    steps = {**DIAMOND, "broken": {"class": "steps:Broken", "inputs": {"number": "add.number"}}}
    project.pipeline("p", SOURCE, {k: {**v, "cache": False} for k, v in steps.items()})
    first = project.run()
    assert set(first.errors()) == {"broken"}
    again = project.run(settings=RunSettings(resume=True))
    assert again.id == first.id
    started = [event.step for event in again.events if event.kind == "step-started"]
    assert started == ["broken"]


def test_resuming_with_mended_code_keeps_what_hasn_t_changed(project):
    """Even what may not be cached: it is the same run that goes on."""
    steps = {**DIAMOND, "broken": {"class": "more:Broken", "inputs": {"number": "add.number"}}}
    steps = {k: {**v, "cache": False} for k, v in steps.items()}
    project.pipeline("p", SOURCE, steps)
    more = "from steps import Number, Template\nclass Broken(Template):\n    def run(self, number: int) -> Number:\n        "
    project.write("p/more.py", f"{more}raise RuntimeError\n")
    first = project.run()
    assert not first.ok
    project.write("p/more.py", f"{more}return Number(number)\n")
    again = project.run(settings=RunSettings(resume=True))
    assert again.ok
    assert again.id != first.id
    assert again.cached() == set(DIAMOND)
    assert again.value("broken", "number") == 6


def test_a_result_that_is_half_gone_is_made_again(project):
    project.pipeline("p", SOURCE, DIAMOND)
    first = project.run()
    project.store.location.remove(f"p/{first.id}/right/number/manifest.json")
    again = project.run(settings=RunSettings(resume=True, use_cache=False))
    assert [e.step for e in again.events if e.kind == "step-started"] == ["right"]


def test_resuming_with_another_interval_is_a_new_run(project):
    project.pipeline("p", SOURCE, DIAMOND)
    first = project.run(
        settings=RunSettings(interval_start="2026-01-01", interval_end="2026-01-02")
    )
    same = RunSettings(resume=True, interval_start="2026-01-01T00:00Z", interval_end="2026-01-02")
    other = RunSettings(resume=True, interval_start="2026-01-02", interval_end="2026-01-03")
    assert project.run(settings=RunSettings(resume=True)).id == first.id
    assert project.run(settings=same).id == first.id
    assert project.run(settings=other).id != first.id


def test_a_run_that_is_there_is_never_overwritten(project):
    """A model may have been registered of it."""
    project.pipeline("p", SOURCE, DIAMOND)
    assert project.run(settings=RunSettings(run="mine")).ok
    again = project.run(settings=RunSettings(run="mine"))
    assert "run training-mine of p: is there already; resume it" in again.first.error
    assert project.run(settings=RunSettings(run="mine", resume=True)).ok


def test_nothing_to_resume_is_a_new_run(project):
    project.pipeline("p", SOURCE, DIAMOND)
    assert project.run(settings=RunSettings(resume=True)).ok


@pytest.mark.parametrize(
    ("selection", "ran"),
    [
        (Selection(start=("right",)), {"right", "add"}),
        (Selection(until=("left",)), {"make", "left"}),
        (Selection(only=("left",)), {"left"}),
        (Selection(start=("left",), until=("right",)), {"left", "right"}),
    ],
)
def test_selections(project, selection, ran):
    project.pipeline("p", SOURCE, DIAMOND)
    first = project.run()
    again = project.run(settings=RunSettings(selection=selection, use_cache=False))
    assert again.ok
    assert {e.step for e in again.events if e.kind == "step-started"} == ran
    complete = "add" in ran
    assert again.first.finished.status == ("done" if complete else "partial")
    assert not set(again.first.skipped)
    for step in ran:
        assert again.value(step, "number") == first.value(step, "number")


def test_selecting_needs_an_earlier_run(project):
    project.pipeline("p", SOURCE, DIAMOND)
    ran = project.run(settings=RunSettings(selection=Selection(only=("add",))))
    assert not ran.ok
    assert "isn't done in the last run" in ran.errors()["make"]


def test_what_nothing_selected_needs_may_be_missing(project):
    both = {"a": "make.number", "b": "other.number"}
    steps = {name: DIAMOND["make"] for name in ("make", "other")}
    project.pipeline("p", SOURCE, {**steps, "add": {"class": "steps:Add", "inputs": both}})
    ran = project.run(settings=RunSettings(selection=Selection(until=("make",))))
    assert ran.ok, ran.errors()
    assert (ran.first.finished.status, ran.first.skipped) == ("partial", {})
    assert {event.step for event in ran.events if event.kind == "step-failed"} == set()


def test_a_partial_run_hides_no_whole_one(project):
    project.pipeline("p", SOURCE, DIAMOND)
    whole = project.run()
    assert project.run(settings=RunSettings(selection=Selection(until=("make",)))).ok
    ran = project.run(settings=RunSettings(selection=Selection(only=("add",)), use_cache=False))
    assert ran.ok, ran.errors()
    assert ran.value("add", "number") == whole.value("add", "number")
    taken = {event.text for event in ran.events if event.kind == "step-done" and event.text}
    assert f"taken from {whole.id}" in taken


def test_selecting_what_isn_t_there(project):
    project.pipeline("p", SOURCE, DIAMOND)
    with pytest.raises(AtlasError, match="no pipeline has the steps nothing"):
        project.run(settings=RunSettings(selection=Selection(only=("nothing",))))


def test_parameters(project):
    steps = {"make": {"class": "steps:Make", "params": {"start": {"parameter": "start"}}}}
    project.pipeline(
        "p", SOURCE, steps, parameters={"start": {"type": "integer", "default": 1, "maximum": 9}}
    )
    assert project.run(settings=RunSettings(parameters={"start": 5})).value("make", "number") == 5
    for value, words in (
        (10, "above the maximum"),
        ("x", "expected an integer"),
        (True, "expected a"),
    ):
        ran = project.run(settings=RunSettings(parameters={"start": value}))
        assert words in ran.first.error
    with pytest.raises(AtlasError, match="no pipeline has a parameter 'stop'; there are start"):
        project.run(settings=RunSettings(parameters={"stop": 1}))


def test_variables_of_a_step_are_its_own(project, monkeypatch):
    monkeypatch.delenv("COLOR", raising=False)
    source = (
        SOURCE
        + "\nimport os\nclass Env(Template):\n    def run(self) -> Number:\n        return Number(int(os.environ.get('COLOR', '0')))\n"
    )
    steps = {
        "none": {"class": "steps:Env"},
        "one": {"class": "steps:Env", "env": {"COLOR": "1"}, "after": ["none"]},
        "two": {"class": "steps:Env", "env": {"COLOR": "2"}, "after": ["none"]},
    }
    project.pipeline("p", source, steps)
    ran = project.run()
    assert {name: ran.value(name, "number") for name in steps} == {"none": 0, "one": 1, "two": 2}


def test_two_runs_at_once_don_t_meet(project):
    import threading

    project.pipeline("p", SOURCE, each(20))
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(project.run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(run.ok for run in runs)
    assert len({run.id for run in runs}) == 2


def test_one_run_isn_t_run_twice_at_once(project):
    from contextlib import ExitStack

    from atlas.runner.opening import OpenedRun, _lock

    project.pipeline("p", SOURCE, DIAMOND)
    first = project.run()
    held = ExitStack()
    _lock(project.store, OpenedRun(first.first.run, held=held))
    again = project.run(settings=RunSettings(resume=True))
    assert "another process runs it" in again.first.error
    held.close()
    assert project.run(settings=RunSettings(resume=True)).ok


def test_a_clock_that_goes_backwards(project, monkeypatch):
    import itertools
    from datetime import UTC, datetime, timedelta

    class Backwards(datetime):
        count = itertools.count()

        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=next(cls.count))

    monkeypatch.setattr(sys.modules["atlas.step.execute"], "datetime", Backwards)
    project.pipeline("p", SOURCE, DIAMOND)
    ran = project.run()
    assert ran.ok
    assert all(one.seconds >= 0 for one in ran.first.outcomes.values())
    assert project.run().cached() == set(DIAMOND)


def test_what_is_left_in_the_store(project):
    project.pipeline("p", SOURCE, DIAMOND)
    ran = project.run()
    names = project.store.location.names(f"p/{ran.id}")
    assert {"run.json", "outcome.json", *DIAMOND} <= set(names)
    status = json.loads(project.store.location.read(f"p/{ran.id}/outcome.json"))["status"]
    assert status == "done"
    pointer = json.loads(project.store.location.read("p/latest-training.json"))
    assert pointer["run"] == ran.id
