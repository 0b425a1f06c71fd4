"""`atlas test`: a pipeline's own tests, with the fixtures and the steps they miss."""

from __future__ import annotations

import json

import pytest

from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Number(NamedTuple):
    number: int

class Make(Template):
    def run(self) -> Number:
        return Number(1)

class Double(Template):
    def run(self, number: int) -> Number:
        self.context.metric("number", number)
        return Number(2 * number)

class Third(Template):
    def run(self, number: int) -> Number:
        return Number(3 * number)
"""
STEPS = {
    "make": {"class": "steps:Make"},
    "double": {"class": "steps:Double", "inputs": {"number": "make.number"}},
    "third": {"class": "steps:Third", "inputs": {"number": "double.number"}},
}
TESTS = """
from steps import Make

def test_make():
    assert Make().run().number == 1

def test_double(bench):
    ran = bench.step("double", number=4)
    assert ran.output("number") == 8
    assert ran.metrics == {"number": 4}
"""


@pytest.fixture
def tested(project):
    project.pipeline("p", SOURCE, STEPS)
    project.write("p/tests/test_steps.py", TESTS)
    return project


def test_what_no_test_touches(tested):
    done = tested.atlas("test", "p")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert done.stdout.endswith("touched by no test:\n  p training: third (steps:Third)\n")
    assert tested.atlas("test", "p", "--strict").returncode == 1


def test_in_json(tested):
    done = tested.atlas("test", "p", "--json", "-k", "make")
    found = json.loads(done.stdout)
    assert found["passed"]
    assert [one["step"] for one in found["untouched"]] == ["double", "third"]


def test_a_whole_run_touches_all(tested):
    tested.write(
        "p/tests/test_whole.py",
        "def test_all(bench):\n    assert bench.run().output('third.number') == 6\n",
    )
    assert "every step is touched by a test" in tested.atlas("test", "p").stdout


def test_a_test_that_fails(tested):
    tested.write("p/tests/test_wrong.py", "def test_wrong():\n    assert False\n")
    done = tested.atlas("test", "p")
    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_no_tests(project):
    project.pipeline("p", SOURCE, STEPS)
    done = project.atlas("test", "p")
    assert done.returncode == 0
    assert "no tests were found" in done.stdout


def test_no_test_of_a_name(tested):
    done = tested.atlas("test", "p", "-k", "mkae")
    assert done.returncode == 1
    assert "no test's name has 'mkae'" in done.stdout
    assert tested.atlas("test", "p", "-k", "make").returncode == 0
