"""How a deployment would change, in a Recipe's words."""

from __future__ import annotations

from dataclasses import replace

from atlas.errors import StoreError
from atlas.plan import Plan, PlanStep, Schedule, Value
from atlas.recipe import Resources
from atlas_deploy.diff.members import MemberChange, PlanLookup, member_changes, plan_changes
from atlas_deploy.diff.render import render, total

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
        "step train: params.depth nothing→parameter d, params.trees 200→300"
    ]


def test_a_steps_image_goes_before_its_params():
    step = replace(TRAIN, image="trees", params={"trees": Value("value", 300)})
    old, new = replace(PLAN, steps=(replace(TRAIN, image="trees"),)), replace(PLAN, steps=(step,))
    images = (
        {"trees": f"shop/trees@sha256:{'a' * 64}"},
        {"trees": f"shop/trees@sha256:{'c' * 64}"},
    )
    assert [*plan_changes(old, new, images)] == [
        "step train: image sha256:aaaaaaaaaaaa→sha256:cccccccccccc, params.trees 200→300"
    ]
    assert [*plan_changes(old, old, images)] == [
        "step train: image sha256:aaaaaaaaaaaa→sha256:cccccccccccc"
    ]
    assert [*plan_changes(old, old, (images[0], images[0]))] == []


def test_a_step_more_and_a_step_less():
    other = PlanStep("score", "steps:Score")
    assert differences(steps=(other,)) == ["step score added: steps:Score", "step train removed"]


def test_code_schedule_and_resources():
    step = replace(TRAIN, resources=Resources(2))
    assert differences(code="d" * 64) == ["code cccccccccccc→dddddddddddd"]
    assert differences(schedule=Schedule("0 6 * * *")) == [
        "schedule: cron nothing→0 6 * * *, timezone nothing→UTC"
    ]
    assert differences(steps=(step,)) == ["step train: resources.cpu nothing→2"]


def test_a_long_value_is_cut():
    (line,) = differences(description="x" * 100)
    assert line.endswith("...")
    assert len(line) < 100


def test_members():
    old = {"members": {"a": "1", "b": "2", "c": "3"}, "plans": {"a": "p", "b": "q", "c": "r"}}
    new = {"members": {"a": "1", "b": "9", "d": "4"}, "plans": {"a": "p", "b": "s", "d": "t"}}
    plans = {"q": PLAN, "s": replace(PLAN, code="d" * 64)}
    found = member_changes(("dags", "AirflowDags"), old, new, PlanLookup(plans.__getitem__))
    assert [(c.name, c.action) for c in found] == [
        ("a", "same"), ("b", "change"), ("d", "add"), ("c", "remove")
    ]  # fmt: skip
    assert found[1].details == ("code cccccccccccc→dddddddddddd",)


def test_a_plan_that_isnt_known_is_no_error():
    def unknown(_digest: str) -> Plan:
        raise StoreError("gone")

    old, new = (
        {"members": {"a": "1"}, "plans": {"a": "p"}},
        {"members": {"a": "2"}, "plans": {"a": "q"}},
    )
    (change,) = member_changes(("dags", "AirflowDags"), old, new, PlanLookup(unknown))
    assert (change.action, change.details) == ("change", ())


def test_the_same_file_of_another_plan_is_a_change():
    old, new = (
        {"members": {"a": "1"}, "plans": {"a": ""}},
        {"members": {"a": "1"}, "plans": {"a": "q"}},
    )
    (change,) = member_changes(("dags", "AirflowDags"), old, new, PlanLookup({}.__getitem__))
    assert change.action == "change"


def test_a_schedule_that_somebody_has_removed_is_a_change():
    """Kubeflow keeps it beside the pipeline; where the Plan has changed, that says it."""
    part, known = ("training", "KubeflowPipelines"), PlanLookup({}.__getitem__)
    new = {"members": {"a": "1"}, "plans": {"a": "p"}, "schedules": {"a": "0 6 * * *"}}
    (change,) = member_changes(part, {**new, "schedules": {}}, new, known)
    assert (change.action, change.details) == ("change", ("schedule: nothing→0 6 * * *",))
    (change,) = member_changes(part, new, new, known)
    assert (change.action, change.details) == ("same", ())


def changed(name: str, *details: str, new: str = "1") -> MemberChange:
    digests = ("0" * 64, new * 64)
    return MemberChange("inference-airflow", name, "change", *digests, details, "AirflowDags")


def test_as_text():
    assert render([changed("a-inference", "code a→b")]) == [
        "~ a-inference: code a→b; Airflow DAG content 000000000000→111111111111"
    ]
    model = MemberChange("models", "m", "add", "", "The model.", (), "RegisteredModels")
    assert render([model, MemberChange("models", "n", "same")]) == ["+ m: model"]


def test_what_is_the_same_for_many_is_said_once():
    many = [changed(f"p-r{n}-inference", "code a→b", new=str(n)) for n in range(1, 6)]
    other = changed("p-r9-inference", "code a→c", new="9")
    assert render([*many, other]) == [
        "~ p-r1-inference, p-r2-inference, p-r3-inference and 2 more: code a→b; "
        "Airflow DAG content changes",
        "~ p-r9-inference: code a→c; Airflow DAG content 000000000000→999999999999",
    ]
    same = MemberChange("inference-airflow", "p-r0-inference", "same", resource="AirflowDags")
    assert (
        total([*many, same], 6) == "5 of 6 pipelines of the family change (5 of 6 members change)"
    )
    assert total([*many, same], 1) == "5 of 6 members change"


def test_digests_of_documents_are_told_where_nothing_else_is():
    digests = {"config": "a" * 64}
    assert differences(digests=digests) == ["digests: config nothing→aaaaaaaaaaaa"]
    assert differences(digests=digests, description="d") == ["description nothing→d"]
