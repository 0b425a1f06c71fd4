"""`validate --import`: what a class is once imported, against what its source says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import Problem
from atlas.step.imported import OPEN, import_problems
from atlas.validate import check

RECIPES = Path(__file__).parents[4] / "recipes"
HEAD = """
from typing import Annotated, Any, NamedTuple
from atlas import Bounds, Data, Source, Template, Trainer
"""
PAIR = (
    HEAD
    + """
import decimal, fractions, numbers

class Made(NamedTuple):
    value: {given}

class Make(Template):
    def run(self) -> Made: ...

class Use(Template):
    def run(self, value: {wanted}) -> None: ...
"""
)
EDGE = {
    "make": {"class": "steps:Make"},
    "use": {"class": "steps:Use", "inputs": {"value": "make.value"}},
}
ONE = {"one": {"class": "steps:One"}}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.delenv("ATLAS_CODE", raising=False)

    def pipeline(steps: dict[str, Any], source: str, name: str = "p", allow: str = "") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (tmp_path / "pyproject.toml").write_text(f"[tool.atlas]\nallow = [{allow}]\n")
        (folder / "steps.py").write_text(source)
        recipe = {"version": 1, "name": "r", "steps": steps}
        (folder / "training.json").write_text(json.dumps(recipe))
        config = {"version": 1, "name": name, "recipes": {"training": "training.json"}}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return pipeline


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Install a module that Atlas may not read."""
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    (tmp_path / "site-packages").mkdir()

    def install(source: str) -> None:
        (tmp_path / "site-packages" / "somebodys.py").write_text(source)

    yield install
    sys.modules.pop("somebodys", None)


def found(folder: Path) -> list[Problem]:
    report = check(folder)
    assert not report.errors, report.errors
    return import_problems(report)


def test_the_example_project_has_nothing_new() -> None:
    assert found(RECIPES) == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("decimal.Decimal", "numbers.Number"),
        ("bool", "numbers.Integral"),
        ("fractions.Fraction", "numbers.Rational"),
        ("list[decimal.Decimal]", "list[numbers.Number]"),
        ("decimal.Decimal", "fractions.Fraction | numbers.Number"),
    ],
)
def test_an_open_question_is_answered_yes(write: Write, given: str, wanted: str) -> None:
    folder = write(EDGE, PAIR.format(given=given, wanted=wanted))
    assert [one.code for one in check(folder).problems] == [OPEN]
    assert found(folder) == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("fractions.Fraction", "decimal.Decimal"),
        ("decimal.Decimal", "numbers.Rational"),
        ("list[fractions.Fraction]", "list[decimal.Decimal]"),
    ],
)
def test_an_open_question_is_answered_no(write: Write, given: str, wanted: str) -> None:
    folder = write(EDGE, PAIR.format(given=given, wanted=wanted))
    assert [one.code for one in check(folder).problems] == [OPEN]
    [problem] = found(folder)
    assert (problem.code, problem.path) == ("R012", "steps.use.inputs.value")
    assert problem.severity == "error"
    assert problem.line > 0


def test_a_protocol_is_a_matter_for_type_checkers(write: Write) -> None:
    source = PAIR.format(given="decimal.Decimal", wanted="Shape").replace(
        "class Made", "from typing import Protocol\nclass Shape(Protocol):\n    x: int\nclass Made"
    )
    assert [one for one in found(write(EDGE, source)) if one.severity == "error"] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import no_such_module", "importing 'steps' fails: ModuleNotFoundError: No module named"),
        ("raise ValueError('no')", "importing 'steps' fails: ValueError: no (steps.py, line "),
        ("raise SystemExit(3)", "importing 'steps' fails: SystemExit: 3 (steps.py, line "),
        ("int.nothing", "importing 'steps' fails: AttributeError: type object 'int' has no"),
    ],
)
def test_a_module_that_cant_be_imported(write: Write, line: str, message: str) -> None:
    source = f"{HEAD}\n{line}\nclass One(Template):\n    def run(self) -> None: ...\n"
    [problem] = found(write(ONE, source))
    assert (problem.code, problem.path) == ("I001", "steps.one.class")
    assert message in problem.message
    assert bool(problem.hint) == ("no_such_module" in line)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("None", "None"),
        ("5", "a int"),
        ("property(lambda self: None)", "a property"),
        ("functools.partial(lambda self: None)", "a partial"),
        ("print", "a builtin_function_or_method"),
        ("int", "a type"),
        ("staticmethod(lambda: None)", "a staticmethod"),
    ],
)
def test_a_run_that_is_no_method_once_imported(write: Write, value: str, what: str) -> None:
    source = f"import functools\n{HEAD}\nclass One(Template):\n    def run(self) -> None: ...\n"
    [problem] = found(write(ONE, f"{source}One.run = {value}\n"))
    assert (problem.code, problem.path, problem.found) == ("I002", "steps.one.class", what)
    assert problem.message == f"steps:One.run is {what} once it is imported"


def test_a_method_of_a_fixed_shape_that_is_none_once_imported(write: Write) -> None:
    head = f"{HEAD}\nfrom atlas import Trainer\n"
    methods = "    def run(self) -> None: ...\n    def train(self, rows): ...\n"
    [problem] = found(write(ONE, f"{head}class One(Trainer):\n{methods}One.train = 1\n"))
    assert (problem.code, problem.expected) == ("I002", "def train")


@pytest.mark.parametrize("line", ["del One", "One = type('One', (), {})", "One = 3"])
def test_a_class_that_is_no_template_once_imported(write: Write, line: str) -> None:
    source = f"{HEAD}\nclass One(Template):\n    def run(self) -> None: ...\n{line}\n"
    [problem] = found(write(ONE, source))
    assert (problem.code, problem.path) == ("I002", "steps.one.class")


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (
            "One.__annotations__['depth'] = str",
            "I003",
            "the param 'depth' of steps:One is str with a default once it is imported, "
            "and int with a default, at least 1 in its source",
        ),
        ("del One.__annotations__['depth']", "I003", "'depth' of steps:One is missing once"),
        ("del One.depth", "I003", "is int, at least 1 once it is imported, and int with a def"),
        ("One.__annotations__['more'] = int", "I003", "is int once it is imported, and missing"),
        (
            "One.__annotations__['depth'] = Annotated[int, Bounds(2, 9)]",
            "I003",
            "int with a default, at least 2, at most 9 once",
        ),
        ("One.run.__annotations__['rows'] = int", "I004", "the input 'rows' of steps:One is int"),
        ("One.run = lambda self, rows, more: None", "I004", "'more' of steps:One is Any once"),
        ("Out.__annotations__['a'] = str", "I005", "the output 'a' of steps:One is str once"),
        ("Out.__annotations__['b'] = int", "I005", "'b' of steps:One is int once it is imported"),
        (
            "One.run.__annotations__['return'] = None",
            "I005",
            "the output 'a' of steps:One is missing once it is imported, and float in its source",
        ),
    ],
)
def test_source_and_import_disagree(write: Write, line: str, code: str, message: str) -> None:
    source = f"""{HEAD}
class Out(NamedTuple):
    a: float
class One(Template):
    depth: Annotated[int, Bounds(1)] = 3
    def run(self, rows: list[int] = ()) -> Out: ...
{line}
"""
    problems = found(write(ONE, source))
    assert code in {one.code for one in problems}, problems
    assert any(message in one.message for one in problems), problems


def test_what_a_base_that_is_not_read_has_is_checked(write: Write, library: Any) -> None:
    library(
        HEAD + "class Base(Template):\n    depth: int\n    def run(self, rows: int) -> None: ..."
    )
    source = "from somebodys import Base\nclass One(Base): ...\nclass Two(Base):\n    x: int = 1\n"
    steps = {
        "one": {"class": "steps:One", "params": {"dept": 3}},
        "two": {"class": "steps:Two", "params": {"depth": "deep"}, "after": ["one"]},
    }
    problems = {(one.code, one.path) for one in found(write(steps, source))}
    assert problems == {
        ("R016", "steps.one.params.dept"),
        ("R018", "steps.one"),
        ("R019", "steps.one"),
        ("R017", "steps.two.params.depth"),
        ("R019", "steps.two"),
    }


def test_hints_for_type_checkers_are_taken_from_the_source(write: Write) -> None:
    source = """from __future__ import annotations
from typing import TYPE_CHECKING, NamedTuple
from atlas import Template
if TYPE_CHECKING:
    from decimal import Decimal

class Made(NamedTuple):
    value: Decimal

class Make(Template):
    exact: Decimal | None = None
    def run(self) -> Made: ...

class Use(Template):
    def run(self, value: Decimal) -> None: ...
"""
    assert found(write(EDGE, source)) == []


def test_odd_hints_are_no_problem(write: Write) -> None:
    source = f"""{HEAD}
from collections.abc import Callable, Sequence
from typing import Literal, NewType, Optional, TypeVar, Union
T = TypeVar("T")
Id = NewType("Id", int)
class Made(NamedTuple):
    value: Annotated[int, {{"un": "hashable"}}]
class Make(Template):
    one: Callable[[int], str] = str
    two: Optional[Union[int, str]] = None
    three: Literal["a", 1] = "a"
    four: tuple[int, ...] = ()
    five: "Sequence[int]" = ()
    six: Id = 1
    def run(self, any: T = None, *args, **more) -> "Made": ...
class Use(Template):
    def run(self, value: float | None) -> None: ...
"""
    assert found(write(EDGE, source)) == []


def test_a_hint_that_nobody_can_evaluate_is_a_note(write: Write) -> None:
    source = (
        "from __future__ import annotations\nimport decimal\nfrom atlas import Template\n"
        "class One(Template):\n    depth: decimal.Intt = 3\n"
        "    def run(self, rows: decimal.Rows = 1) -> None: ...\n"
    )
    problems = found(write(ONE, source))
    assert {(one.code, one.severity, one.found) for one in problems} == {
        ("I006", "warning", "decimal.Intt"),
        ("I006", "warning", "decimal.Rows"),
    }


def test_own_methods_of_a_fixed_shape_count(write: Write) -> None:
    source = f"""{HEAD}
class Rows(list): ...
class Made(NamedTuple):
    rows: Rows
class Make(Template):
    def run(self) -> Made: ...
class Learn(Trainer):
    def train(self, rows: Rows) -> Rows: ...
class Use(Template):
    def run(self, value: dict) -> None: ...
"""
    steps = {
        "make": {"class": "steps:Make"},
        "learn": {"class": "steps:Learn", "inputs": {"rows": "make.rows"}},
        "use": {"class": "steps:Use", "inputs": {"value": "learn.model"}},
    }
    report = check(write(steps, source))
    assert [(one.code, one.found, one.expected) for one in report.errors] == [
        ("R012", "steps.Rows", "dict")
    ]
    assert import_problems(report) == []


def test_every_folder_has_its_own_steps(write: Write, tmp_path: Path) -> None:
    source = HEAD + "class One(Template):\n    {} : int = 1\n    def run(self) -> None: ...\n"
    steps = [{"one": {"class": "steps:One", "params": {name: 2}}} for name in ("a", "b")]
    write(steps[0], source.format("a"), "first")
    write(steps[1], source.format("b"), "second")
    assert found(tmp_path) == []


def test_a_class_of_an_allowed_package(write: Write, library: Any) -> None:
    library(HEAD + "class One(Template):\n    def run(self) -> None: ...")
    steps = {"one": {"class": "somebodys:One"}, "two": {"class": "steps:One", "after": ["one"]}}
    folder = write(steps, "from somebodys import One", allow="'somebodys'")
    assert found(folder) == []


def test_it_reads_the_code_again(write: Write) -> None:
    folder = write(ONE, HEAD + "class One(Template):\n    def run(self) -> None: ...\nboom")
    assert [one.code for one in found(folder)] == ["I001"]
    (folder / "steps.py").write_text(HEAD + "class One(Template):\n    def run(self) -> None: ...")
    assert found(folder) == []


def test_a_search_is_compared_by_its_class(write: Write) -> None:
    source = HEAD + (
        "\nclass Made(NamedTuple):\n    model: dict[str, float]\n"
        "\nclass One(Template):\n    rate: float = 0.5\n"
        "    def run(self) -> Made:\n"
        "        self.context.metric('score', self.rate)\n        return Made({})\n"
    )
    search = {"space": {"rate": {"choices": [0.1, 0.2]}}, "metric": "score", "goal": "maximize"}
    search |= {"method": "grid", "concurrency": 2}
    folder = write({"one": {"class": "steps:One", "search": search}}, source)
    assert found(folder) == []


def test_the_class_that_measures_trials_is_compared(write: Write) -> None:
    source = HEAD + (
        "\nclass Made(NamedTuple):\n    model: dict[str, float]\n"
        "\nclass One(Template):\n    rate: float = 0.5\n"
        "    def run(self) -> Made:\n        return Made({})\n"
        "\nclass Measure(Template):\n"
        "    def run(self, model: dict[str, float]) -> None:\n"
        "        self.context.metric('score', 1.0)\n"
    )
    evaluate = {"class": "steps:Measure"}
    search = {"space": {"rate": {"choices": [0.1, 0.2]}}, "metric": "score", "goal": "maximize"}
    search |= {"method": "grid", "concurrency": 2, "evaluate": evaluate}
    one = {"one": {"class": "steps:One", "search": search}}
    folder = write(one, source)
    assert found(folder) == []
    (folder / "steps.py").write_text(f"{source}\ndel Measure\n")
    assert [(problem.code, problem.found) for problem in found(folder)] == [("I002", "Measure")]
