"""Targets as platforms have them."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import InvalidError, TargetError
from atlas.plan import Plan, PlanData, PlanStep
from atlas.targets import CompileSite, compile_plans, compiler_named
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests import scoring


@pytest.mark.parametrize(
    ("name", "services", "expected"),
    [
        ("airflow", None, AirflowCompiler()),
        (
            "airflow",
            {"airflow": {"kind": "airflow", "tasks": "docker"}},
            AirflowCompiler("docker", "", ""),
        ),
        (
            "airflow",
            {"airflow": {"tasks": "kubernetes", "pool": "p"}},
            AirflowCompiler("kubernetes", "p", ""),
        ),
        ("kubeflow", None, KubeflowCompiler()),
        ("kubeflow", {"kubeflow": {"kind": "kfp.local"}}, KubeflowCompiler()),
        (
            "kubeflow",
            {"kubeflow": {"kind": "kubeflow"}},
            KubeflowCompiler(exit_handler=True, schedules=True),
        ),
    ],
)
def test_a_target_is_as_the_platform_has_it(name, services, expected):
    assert compiler_named(name, services and CompileSite(services)) == expected


def test_threads_compile_for_kubeflow_one_at_a_time(monkeypatch):
    """kfp knows of one pipeline that is being built; a second one would be refused, or mixed in."""
    pipeline_context = pytest.importorskip("kfp.dsl.pipeline_context")
    enter = pipeline_context.Pipeline.__enter__

    def slow(self):
        entered = enter(self)
        time.sleep(0.01)
        return entered

    monkeypatch.setattr(pipeline_context.Pipeline, "__enter__", slow)
    plan = Plan("p", "p", "p", "training", "r", "e", "kubeflow", (PlanStep("load", "s:L"),))
    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(KubeflowCompiler().compile, plan, {"": "i"}) for _ in range(8)]
    assert len({tuple(work.result().items()) for work in works}) == 1


HERE = {"airflow": {"url": "http://127.0.0.1:8080"}, "dags": {"kind": "folder", "url": "file:///d"}}


@pytest.mark.parametrize(
    ("name", "changes", "is_seen"),
    [
        ("airflow", {}, True),
        ("airflow", {"airflow": {"url": "http://localhost:1", "tasks": "docker"}}, True),
        ("airflow", {"airflow": {"url": "http://127.0.0.1:1", "tasks": "kubernetes"}}, False),
        ("airflow", {"airflow": {"url": "https://airflow.example.org"}}, False),
        ("airflow", {"dags": {"kind": "git", "url": "https://example.org/dags"}}, False),
        ("kubeflow", {"kubeflow": {"kind": "kfp.local"}}, True),
        ("kubeflow", {"kubeflow": {"kind": "kubeflow"}}, False),
    ],
)
def test_data_in_the_project_is_a_problem_for_a_target_that_does_not_see_it(name, changes, is_seen):
    data = {
        "rows": PlanData(type="table", uri="project:data/ä b.csv"),
        "x": PlanData("table", "s3://b/x"),
    }
    plan = Plan(
        "p", "p", "p", "training", "r", "e", name, (PlanStep("one", "steps:One"),), data=data
    )
    one = compiler_named(name, CompileSite({**HERE, **changes}, Path("/home/you/{{ shop }}")))
    problems = [problem for problem in one.problems(plan) if problem.severity == "error"]
    assert [(each.code, each.path) for each in problems] == (
        [] if is_seen else [("T004", "data.rows.uri")]
    )
    assert compiler_named(name).problems(plan) == [] or name == "kubeflow"


def test_a_dag_says_where_the_project_is_only_where_it_is_read():
    data = {"rows": PlanData(type="table", uri="project:data/rows.csv")}
    steps = (PlanStep("one", "steps:One"),)
    plan = Plan("p", "p", "p", "training", "r", "e", "airflow", steps, data=data)
    here = compiler_named("airflow", CompileSite(HERE, Path("/home/you/{{ shop }}")))
    (text,) = here.compile(plan, {}).values()
    assert b"ATLAS_PROJECT" in text
    assert b'": "/home/you/{{ shop }}"' not in text, "Airflow's templates would read it"
    for other in (compiler_named("airflow"), here):
        plan = plan if other is not here else replace(plan, data={})
        (text,) = other.compile(plan, {}).values()
        assert b"ATLAS_PROJECT" not in text


def test_what_there_is_none_of():
    with pytest.raises(
        TargetError, match="there is no target 'local'; expected kubeflow or airflow"
    ):
        compiler_named("local")
    with pytest.raises(TargetError, match="no tasks 'threads'; expected process or docker or"):
        compiler_named("airflow", CompileSite({"airflow": {"tasks": "threads"}}))


@pytest.mark.parametrize("name", ["airflow", "kubeflow"])
def test_no_target_compiles_an_unpaired_surrogate(name):
    plan = Plan(
        "p", "p", "p", "training", "p", "local", name,
        (PlanStep("one", "steps:One", description="\ud800"),),
    )  # fmt: skip
    (compiled,) = compile_plans([plan], lambda _: {"": "image"})
    assert ([problem.code for problem in compiled.problems], compiled.files) == (["T001"], {})
    with pytest.raises(InvalidError, match="T001"):
        compiler_named(name).compile(plan, {"": "image"})


def test_airflow_lets_a_challenger_that_takes_too_long_end_itself(tmp_path):
    scored = scoring.Project(tmp_path, model={"shadow": True})
    steps = scoring.INFERENCE["steps"]
    slow = {**steps["score"], "timeout": "10m"}
    scored.write("inference.json", {**scoring.INFERENCE, "steps": {**steps, "score": slow}})
    (content,) = AirflowCompiler().compile(scored.plan(), {}).values()
    found = re.findall(r"execution_timeout=timedelta\(seconds=([0-9.]+)\)", content.decode())
    assert found == ["600.0", "720.0"], "of score, and of challenger.score"
