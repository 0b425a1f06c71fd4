"""How a deployment would change, in a Recipe's words."""

from __future__ import annotations

from dataclasses import replace

from atlas.errors import StoreError
from atlas.plan import Plan, PlanStep, Schedule, Value
from atlas.recipe import Resources
from atlas_cli.deploying.changes import MemberChange, member_changes, plan_changes

TRAIN = PlanStep("train", "steps:Forest", params={"trees": Value("value", 200)})
PLAN = Plan(
    name="p", pipeline="p", config="p", flow="training", recipe="r", environment="e",
    target="kubeflow", steps=(TRAIN,), code="c" * 64,
)  # fmt: skip


def differences(**changes: object) -> list[str]:
    return [*plan_changes(PLAN, replace(PLAN, **changes))]


def test_a_params_value():
    step = replace(TRAIN, params={"trees": Value("value", 300), "depth": Value("parameter", "d")})
    assert differences(steps=(step,)) == [
        "step train: params.depth nothing -> parameter d",
        "step train: params.trees 200 -> 300",
    ]


def test_a_step_more_and_a_step_less():
    other = PlanStep("score", "steps:Score")
    assert differences(steps=(other,)) == ["step score added: steps:Score", "step train removed"]


def test_code_schedule_and_resources():
    step = replace(TRAIN, resources=Resources(2))
    assert differences(code="d" * 64) == ["code cccccccccccc -> dddddddddddd"]
    assert differences(schedule=Schedule("0 6 * * *")) == [
        "schedule.cron nothing -> 0 6 * * *",
        "schedule.timezone nothing -> UTC",
    ]
    assert differences(steps=(step,)) == ["step train: resources.cpu nothing -> 2"]


def test_a_long_value_is_cut():
    (line,) = differences(description="x" * 100)
    assert line.endswith("...")
    assert len(line) < 100


def test_members():
    old = {"members": {"a": "1", "b": "2", "c": "3"}, "plans": {"a": "p", "b": "q", "c": "r"}}
    new = {"members": {"a": "1", "b": "9", "d": "4"}, "plans": {"a": "p", "b": "s", "d": "t"}}
    plans = {"q": PLAN, "s": replace(PLAN, code="d" * 64)}
    found = member_changes("dags", old, new, plans.__getitem__)
    assert [(c.name, c.action) for c in found] == [
        ("a", "same"), ("b", "change"), ("d", "add"), ("c", "remove")
    ]  # fmt: skip
    assert found[1].details == ("code cccccccccccc -> dddddddddddd",)


def test_a_plan_that_isnt_known_is_no_error():
    def unknown(_digest: str) -> Plan:
        raise StoreError("gone")

    old, new = (
        {"members": {"a": "1"}, "plans": {"a": "p"}},
        {"members": {"a": "2"}, "plans": {"a": "q"}},
    )
    (change,) = member_changes("dags", old, new, unknown)
    assert (change.action, change.details) == ("change", ())


def test_the_same_file_of_another_plan_is_a_change():
    old, new = (
        {"members": {"a": "1"}, "plans": {"a": ""}},
        {"members": {"a": "1"}, "plans": {"a": "q"}},
    )
    (change,) = member_changes("dags", old, new, {}.__getitem__)
    assert change.action == "change"


def test_as_text():
    change = MemberChange("dags", "a", "change", "0" * 64, "1" * 64, ("code a -> b",))
    assert str(change) == "~ dags a  000000000000 -> 111111111111\n    code a -> b"
    assert str(MemberChange("models", "m", "add", "", "The model.")) == "+ models m"
