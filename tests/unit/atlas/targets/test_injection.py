"""Nothing that a Recipe says can become code: not Python, not a shell's, not a template's."""

from __future__ import annotations

import ast
import sys
import types
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.plan import Foreach, InputSource, Plan, PlanStep, Schedule
from atlas.recipe import Parameter
from atlas.targets.airflow.compiler import AirflowCompiler

NASTY = [
    '"', "'", '"""', "\\", "\n", "\r", "{{ 1 }}", "{% raw %}", "{# x #}", "a.sh", "$(id)", "`id`",
    "\u2028", "é😀", "\x00x", ".md", "# ", "': ", "- ", "&a", "!!python/object", "{{$}}", "%", "{}",
]  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.lists(st.sampled_from([text for text in NASTY if "\0" not in text]), max_size=4).map(
        "".join
    ),
)

taken_by_kubeflow = texts.filter(lambda text: "{{" not in text)


def plan_of(text: str, env: str) -> Plan:
    step = PlanStep(
        "one",
        "steps:One",
        env={"VALUE": env},
        description=text,
        foreach=Foreach((("key", InputSource("data", "keys")),)),
    )
    return Plan(
        name="p", pipeline=text, config="p", flow="training", recipe=text, environment="e",
        target="airflow", description=text, steps=(step, replace(step, name="two", foreach=None)),
        parameters={"a": Parameter("string", text, choices=(text, "x"), description=text)},
        digests={"recipe": text}, code=text, schedule=Schedule(text or "x", text or "UTC"),
    )  # fmt: skip


def skeleton(code: str) -> str:
    """Return a module's syntax tree with every constant blanked."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = type(node.value).__name__
    return ast.dump(tree)


def dag_file(plan: Plan) -> str:
    return AirflowCompiler().compile(plan, {})["p-training.py"].decode("ascii")


class Literal:
    def __init__(self, value: str) -> None:
        self.value = value


SEEN: dict[str, Any] = {}


class Anything:
    """Stands for every class of Airflow, and keeps what it was given in SEEN."""

    def __init__(self, *args: Any, **options: Any) -> None:
        SEEN[options.get("task_id") or options.get("dag_id") or "param"] = (args, options)

    def __getattr__(self, _name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None: ...

    def __rshift__(self, other: Any) -> Any:
        return other

    __rrshift__ = __rshift__

    @classmethod
    def partial(cls, **options: Any) -> Any:
        return cls(**options)


OPERATORS = "airflow.providers.standard.operators"
AIRFLOW = {name: types.ModuleType(name) for name in ("airflow", "airflow.sdk", OPERATORS)}
AIRFLOW |= {OPERATORS.rpartition(".")[0]: types.ModuleType("standard")}
AIRFLOW |= {"airflow.providers": types.ModuleType("providers")}
AIRFLOW |= {f"{OPERATORS}.bash": types.ModuleType("bash")}
vars(AIRFLOW["airflow.sdk"]).update(
    Asset=str,
    DAG=Anything,
    Param=Anything,
    CronDataIntervalTimetable=Anything,
    literal=Literal,
)
vars(AIRFLOW[f"{OPERATORS}.bash"]).update(BashOperator=Anything)


def executed(code: str) -> dict[str, Any]:
    """Run a DAG file against a stand-in for Airflow; return what each call was given."""
    SEEN.clear()
    with patch.dict(sys.modules, AIRFLOW):
        exec(compile(code, "dag.py", "exec"), {})
    return dict(SEEN)


def as_airflow_gives_it(value: Any) -> str:
    """Render a templated field as Airflow's BashOperator would."""
    jinja2 = pytest.importorskip("jinja2")
    if isinstance(value, Literal):
        return value.value
    assert not value.endswith((".sh", ".bash"))
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(value).render()


@given(text=texts, env=texts)
@settings(max_examples=300, deadline=None)
def test_a_dag_file_has_the_same_syntax_whatever_the_recipe_says(text, env):
    assert skeleton(dag_file(plan_of(text, env))) in SKELETONS


@pytest.mark.parametrize("text", ["datetime(", "Asset(", "literal(", "Secret", "'ZoneInfo('\""])
def test_words_of_a_recipe_import_nothing(text):
    assert skeleton(dag_file(plan_of(text, text))) in SKELETONS


SKELETONS = {
    skeleton(dag_file(plan_of(text, env))) for text in ("", "plain") for env in ("plain", "{{")
}


@given(text=texts, env=texts)
@settings(max_examples=300, deadline=None)
def test_airflow_gets_every_word_as_it_was_written(text, env):
    seen = executed(dag_file(plan_of(text, env)))
    assert seen["p-training"][1]["description"] == (text or None)
    for task in ("one", "one.keys", "two"):
        assert as_airflow_gives_it(seen[task][1]["env"]["VALUE"]) == env
    (default,), schema = seen["param"]
    assert (default, schema["enum"]) == (text, [text, "x"])


@given(env=taken_by_kubeflow, text=taken_by_kubeflow)
@settings(max_examples=50, deadline=None)
def test_kubeflow_gets_every_word_as_it_was_written(text, env):
    pytest.importorskip("kfp")
    from atlas.targets.kubeflow.compiler import KubeflowCompiler

    (content,) = KubeflowCompiler().compile(plan_of(text, env), {"": "image"}).values()
    pipeline, _ = yaml.safe_load_all(content)
    container = pipeline["deploymentSpec"]["executors"]["exec-two"]["container"]
    # Kubernetes makes one "$" of two.
    value = {"value": env.replace("$", "$$")} if env else {}
    image = {"name": "ATLAS_IMAGE", "value": "image"}
    assert container["env"] == [{"name": "VALUE", **value}, image]
    inputs = pipeline["root"]["inputDefinitions"]["parameters"]
    assert inputs["a"]["defaultValue"] == text
    assert pipeline["pipelineInfo"]["description"].startswith(text)
