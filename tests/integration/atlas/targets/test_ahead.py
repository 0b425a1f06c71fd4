"""DAGs of several resources at once: one wait for all; who fails concerns its own alone."""

from __future__ import annotations

from atlas.kinds import content, ownership
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.targets.airflow import ahead
from atlas.targets.airflow.resource import AirflowDagsKind
from tests.integration.atlas.targets.test_airflow_dags import (
    KIND,
    airflow,
    context,
    created,
    dag,
    inputs,
    quick,
)

__all__ = ["airflow", "context", "quick"]


def several(airflow, **members: bytes) -> list[dict]:
    """Return a resource of its own for each DAG."""
    each = [(name, inputs(airflow, **{name: text})) for name, text in members.items()]
    return [{**one, "owner": f"{name}.local/training"} for name, one in each]


def quiet(ready: int, of: int) -> None:
    """Tell nobody."""


def test_all_are_written_before_any_is_waited_for(airflow):
    told: list[tuple[int, int]] = []
    found = several(airflow, a=dag("11"), b=dag("22"), c=dag("33"))
    done = ahead.roll_out(found, lambda *numbers: told.append(numbers))
    assert done.ready == {"a", "b", "c"}
    assert (done.refused, done.silent) == (frozenset(), {})
    assert told[-1] == (3, 3)
    store = found[0]["store"]
    assert ownership.owned(store, "dags", "b.local/training") == ["b"]


def test_what_a_resource_then_does_is_to_find_it(airflow, context):
    found = several(airflow, a=dag("11"), b=dag("22"))
    ahead.roll_out(found, quiet)
    before = {path.name: path.stat().st_mtime_ns for path in airflow.folder.iterdir()}
    for one in found:
        KIND.create(one, context)
    assert {path.name: path.stat().st_mtime_ns for path in airflow.folder.iterdir()} == before


def test_one_that_is_refused_leaves_the_others_whole(airflow):
    found = several(airflow, a=dag("11"), b=dag("22", "raise ValueError()"), c=dag("33"))
    done = ahead.roll_out(found, quiet)
    assert (done.ready, done.refused) == ({"a", "c"}, {"b"})
    assert sorted(path.name for path in airflow.folder.glob("*.py")) == ["a.py", "c.py"]


def test_one_of_another_stack_or_without_content_is_told_and_not_written(airflow):
    found = several(airflow, a=dag("11"), b=dag("22"), c=dag("33"))
    store = found[0]["store"]
    ownership.take(store, "dags", ["a"], "other.local/training")
    found[1]["members"] = {"b": content.digest_of(b"never kept")}
    done = ahead.roll_out(found, quiet)
    assert done.ready == {"c"}
    assert "belongs to stack other.local/training" in done.silent["a"]
    assert "there is no such content" in done.silent["b"]
    assert [path.name for path in airflow.folder.glob("*.py")] == ["c.py"]


def test_removing_together_leaves_those_whose_runs_are_under_way(airflow, context):
    found = several(airflow, a=dag("11"), b=dag("22"))
    states = [{**one, **KIND.create(one, context)[1]} for one in found]
    airflow.active["a"] = ["manual-1"]
    assert ahead.remove(states) == {"b"}
    assert [path.name for path in airflow.folder.glob("*.py")] == ["a.py"]
    airflow.active["a"] = []
    assert ahead.remove(states) == {"a", "b"}
    assert airflow.dags == {}


def test_a_resource_gives_back_the_names_of_what_is_gone(airflow, context):
    state = created(airflow, context, a=dag("11"))
    gone = ahead.remove([state])
    asked = airflow.calls if hasattr(airflow, "calls") else None
    Handler(AirflowDagsKind(gone)).delete("x", state, OperationContext("t", 2.0))
    assert ownership.owned(state["store"], "dags", state["owner"]) == []
    assert asked is None or airflow.calls == asked


def test_names_are_given_back_while_others_are_asked_for(airflow, monkeypatch):
    """Resources of one provider are made and removed at once."""
    store = inputs(airflow, a=dag("11"))["store"]
    ownership.take(store, "dags", ["a", "b"], "one/training")
    place = ownership.open_location(store)
    listed = place.names("deployments/owners/dags")
    monkeypatch.setattr(type(place), "names", lambda self, key: [*listed, "gone"])
    assert ownership.owned(store, "dags", "one/training") == ["a", "b"]
    ownership.require_free(store, "dags", ["gone", "c"], "two/training")
    ownership.release(store, "dags", ["gone", "a"], "one/training")
    ownership.take(store, "dags", ["a"], "two/training")
