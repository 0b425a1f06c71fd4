"""DAGs as pipelines: order, what is handed on, schedules, and what is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.validate import check
from atlas_import import PipelineDraft, read_airflow, write

HEAD = """
from datetime import datetime, timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, TaskGroup, Variable, chain, dag, task

RATE = 1.5


def load(path, rate=RATE):
    return [path, rate]
"""
TASKFLOW = (
    HEAD
    + '''

@dag(schedule="0 6 * * *", start_date=pendulum.datetime(2026, 1, 2, tz="Europe/Berlin"), catchup=False,
     default_args={"retries": 2, "retry_delay": timedelta(minutes=5)}, max_active_runs=1)
def daily():
    """Made every day."""

    @task
    def extract(ds: str) -> list:
        """Get the orders."""
        return [1, 2]

    @task(multiple_outputs=True, execution_timeout=timedelta(hours=1))
    def transform(orders: list, factor=1):
        return {"total": sum(orders) * factor}

    @task.branch
    def choose(total):
        return "report"

    @task
    def report(total, names, ti=None):
        print(total, names)

    orders = extract()
    summary = transform(orders, factor=3)
    choose(summary["total"]) >> report(summary["total"], names=["a"])


daily()
'''
)


def drafted(folder: Path, text: str, dag: str = "") -> PipelineDraft:
    file = folder / "dags.py"
    file.write_text(text)
    return read_airflow(file, dag)


def after(draft: PipelineDraft) -> dict[str, set[str]]:
    """Return step → all that it waits for: what it reads, and `after`."""
    return {
        step.name: {one.reference.split(".")[0] for one in step.inputs.values()} | set(step.after)
        for step in draft.steps
    }


def valid(draft: PipelineDraft, folder: Path) -> Path:
    """Write a draft, and return its folder once nothing is wrong with it."""
    made = write(draft, folder / "atlas", "dag").project.folder
    assert [one for one in check(made).problems if one.severity == "error"] == []
    return made


def test_what_tasks_hand_on_are_inputs_and_constants_params(tmp_path: Path) -> None:
    draft = drafted(tmp_path, TASKFLOW)
    steps = {step.name: step for step in draft.steps}
    assert after(draft) == {
        "extract": set(), "transform": {"extract"}, "choose": {"transform"},
        "report": {"transform", "choose"},
    }  # fmt: skip
    assert {k: one.value for k, one in steps["transform"].params.items()} == {"factor": 3}
    assert steps["report"].inputs["total"].reference == "transform.total"
    assert list(steps["transform"].outputs) == ["value", "total"]
    assert steps["extract"].params["ds"].value == {"run": "interval_start"}
    assert dict(steps["transform"].settings) == {
        "retries": {"limit": 2, "delay": "300s"}, "timeout": "3600s",
    }  # fmt: skip
    assert draft.config == {
        "schedule": {
            "inference": {"cron": "0 6 * * *", "timezone": "Europe/Berlin", "start": "2026-01-02"}
        }
    }
    told = "\n".join(note.text for note in draft.notes)
    for words in ("'choose' is a @task.branch", "isn't given 'ti'", "max_active_runs"):
        assert words in told
    folder = valid(draft, tmp_path)
    code = (folder / "dag_code.py").read_text()
    assert "airflow" not in code
    assert "@task" not in code
    names: dict[str, Any] = {}
    exec(compile(code, "dag_code.py", "exec"), names)
    assert names["transform"]([1, 2], 3) == {"total": 9}


OPERATORS = (
    HEAD
    + """
HELPED = Variable.get("x")

with DAG("nightly", schedule=timedelta(days=1), start_date=datetime(2026, 1, 1), catchup=True) as nightly:
    first = BashOperator(task_id="first", bash_command="echo one")
    templated = BashOperator(task_id="templated", bash_command="echo {{ ds }}")
    nothing = EmptyOperator(task_id="nothing")
    loaded = PythonOperator(task_id="loaded", python_callable=load, op_args=["a"], op_kwargs={"rate": 2},
                            trigger_rule="all_done")
    with TaskGroup("group") as group:
        one = PythonOperator(task_id="one", python_callable=load, op_kwargs=dict(path="b"))
        two = PythonOperator(task_id="two", python_callable=load, op_kwargs={"path": loaded.output})
        one >> two
    elsewhere = PythonOperator(task_id="elsewhere", python_callable=unknown)
    for name in ["a", "b"]:
        BashOperator(task_id=name, bash_command="true")
    first >> nothing >> [loaded, templated]
    chain(loaded, group, elsewhere)
"""
)


def test_operators_keep_their_order_through_groups_and_empty_tasks(tmp_path: Path) -> None:
    draft = drafted(tmp_path, OPERATORS)
    assert after(draft) == {
        "first": set(), "templated": {"first"}, "loaded": {"first"}, "group_one": {"loaded"},
        "group_two": {"loaded", "group_one"}, "elsewhere": {"group_two"},
    }  # fmt: skip
    bodies = {step.name: step.body for step in draft.steps}
    assert bodies["first"] == ("subprocess.run(['bash', '-c', 'echo one'], check=True)",)
    assert [name for name, body in bodies.items() if "NotImplementedError" in body[0]] == [
        "templated", "elsewhere",
    ]  # fmt: skip
    assert draft.config["schedule"]["inference"]["cron"] == "0 0 * * *"
    told = {note.text for note in draft.notes}
    assert "trigger_rule=… wasn't taken over" in told
    assert any(text.startswith("catchup") for text in told)
    assert any("inside of 'for'" in text for text in told)
    code = dict(draft.files)["dag_code.py"]
    assert "HELPED" not in code
    assert "RATE = 1.5" in code
    valid(draft, tmp_path)


MAPPED = (
    HEAD
    + """
@dag(schedule=None)
def mapped():
    @task
    def numbers() -> list:
        return [1, 2]

    @task
    def add(number, more=0):
        return number + more

    @task
    def total(numbers):
        return sum(numbers)

    sums = add.partial(more=3).expand(number=numbers())
    add.override(task_id="named").expand(number=["a", "b"])
    add.override(task_id="pairs").expand(number=[1], more=[2])
    add.override(task_id="many").expand_kwargs([{"number": 1}])
    total(sums)


mapped()
"""
)


def test_mapped_tasks_are_foreach(tmp_path: Path) -> None:
    draft = drafted(tmp_path, MAPPED)
    steps = {step.name: step for step in draft.steps}
    assert steps["add"].foreach == {"number": "numbers.value"}
    assert steps["add"].body == ("return dag_code.add(number=number, more=more)",)
    assert steps["named"].foreach == {"number": ["a", "b"]}
    assert steps["total"].inputs["numbers"].reference == "add.value"
    left = [name for name, step in steps.items() if "NotImplementedError" in step.body[0]]
    assert left == ["pairs", "many"]
    made = write(draft, tmp_path / "atlas", "dag").project.folder
    errors = [one for one in check(made).problems if one.severity == "error"]
    # Airflow lets tasks stand alone.
    assert {one.code for one in errors} <= {"R011"}


def test_a_dag_without_a_block_and_its_modules(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("import deeper\n\ndef help():\n    return 1\n")
    (tmp_path / "deeper.py").write_text("DEEP = 1\n")
    text = HEAD + (
        "import helpers\n\ndag = DAG(dag_id='plain')\n"
        "a = PythonOperator(task_id='a', python_callable=load, op_args=['x'], dag=dag)\n"
        "b = PythonOperator(task_id='b', python_callable=load, op_args=['y'], dag=dag)\n"
        "a.set_downstream(b)\n"
    )
    draft = drafted(tmp_path, text)
    assert after(draft) == {"a": set(), "b": {"a"}}
    assert set(draft.files) == {"dag_code.py", "helpers.py", "deeper.py"}
    assert "PythonOperator" not in draft.files["dag_code.py"]
    valid(draft, tmp_path)


def test_of_several_dags_one_has_to_be_named(tmp_path: Path) -> None:
    text = HEAD + "".join(
        f"\nwith DAG('{name}'):\n    BashOperator(task_id='t', bash_command='true')\n"
        for name in "ab"
    )
    with pytest.raises(AtlasError, match="--dag: a, b"):
        drafted(tmp_path, text)
    assert drafted(tmp_path, text, "b").name == "b"
    with pytest.raises(AtlasError, match="no DAG 'c'; expected one of a, b"):
        drafted(tmp_path, text, "c")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "no DAG was found"),
        ("def (:\n", "isn't Python"),
        ("with DAG('a'):\n    pass\n", "no task to take over"),
        ("with DAG('a'):\n    " + " >> ".join(["x"] * 5000) + "\n", "nested too deep"),
        ("\0", "isn't Python|can't be parsed"),
    ],
    ids=["none", "syntax", "empty", "deep", "nul"],
)
def test_what_is_no_dag_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(AtlasError, match=told):
        drafted(tmp_path, text)


def test_importing_runs_nothing(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    text = TASKFLOW + f"\nopen({str(ran)!r}, 'w').close()\n"
    valid(drafted(tmp_path, text), tmp_path)
    assert not ran.exists()
