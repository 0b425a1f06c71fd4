"""Two versions as one drawing."""

from dataclasses import replace

from atlas.draw import diff, of_plan, of_plans
from atlas.draw.model import Drawing, Edge
from atlas.plan import InputSource, PlanStep, Value
from tests.golden.graphs import plan, step
from tests.golden.plans import INFERENCE, TRAINING

OLD = plan(step("load"), step("clean", "load"), step("train", "clean"))
NEW = plan(
    step("load"),
    PlanStep("train", "steps:Other", inputs={"rows": InputSource("step", "load", "rows")},
             params={"trees": Value("value", 200)}, outputs=step("x").outputs),
    step("report", "train"),
)  # fmt: skip


def test_every_node_says_what_became_of_it():
    drawing = diff(of_plan(OLD), of_plan(NEW))
    assert {node.id: node.change for node in drawing.nodes} == {
        "data.rows": "", "load": "", "train": "changed", "report": "added", "clean": "removed",
    }  # fmt: skip
    assert {(e.source, e.target): e.change for e in drawing.edges} == {
        ("data.rows", "load"): "",
        ("load", "train"): "added",
        ("train", "report"): "added",
        ("load", "clean"): "removed",
        ("clean", "train"): "removed",
    }
    assert drawing.summary().endswith("1 added, 1 removed, 1 changed.")


def test_a_changed_node_says_what_changed():
    train = {node.id: node for node in diff(of_plan(OLD), of_plan(NEW)).nodes}["train"]
    assert train.changes == {
        "class": "steps:Train -> steps:Other",
        "inputs.rows": "clean.rows -> load.rows",
        "params.trees": "nothing -> 200",
    }


def test_the_whole_says_what_changed_in_it():
    old = replace(TRAINING, code="0" * 64, pipeline="other")
    drawing = diff(of_plan(old), of_plan(TRAINING))
    assert drawing.title == "other · training -> tumour · training"
    assert drawing.notes == ("code: 000000000000 -> c0dec0dec0de",)


def test_of_several_flows_each_says_what_changed_in_it():
    old = of_plans([replace(TRAINING, code="0" * 64), INFERENCE])
    new = of_plans([TRAINING, INFERENCE])
    (note,) = [note for note in diff(old, new).notes if note.startswith("tumour/training")]
    assert note.startswith("tumour/training: code: 000000000000 -> ")
    assert "no difference" not in diff(old, new).notes
    assert diff(new, new).notes[-1] == "no difference"


def test_a_flow_that_is_added_changes_nothing_of_the_others():
    old = of_plans([TRAINING], scoped=True)
    drawing = diff(old, of_plans([TRAINING, INFERENCE]))
    assert not [note for note in drawing.notes if "->" in note]
    assert {n.change for n in drawing.nodes if n.id.startswith("tumour/inference/")} == {"added"}


def test_no_difference():
    drawing = diff(of_plan(TRAINING), of_plan(TRAINING))
    assert drawing.notes == ("no difference",)
    assert not any(node.change for node in drawing.nodes)


def test_nothing_becomes_something_and_back():
    nothing, something = Drawing(of_plan(OLD).title), of_plan(OLD)
    assert {node.change for node in diff(nothing, something).nodes} == {"added"}
    assert {node.change for node in diff(something, nothing).nodes} == {"removed"}


def test_versions_that_contradict_each_other_are_ordered_by_the_new_one():
    a, b = step("a"), step("b", "a")
    turned = plan(step("b"), step("a", "b"))
    drawing = diff(of_plan(plan(a, b)), of_plan(turned))
    assert Edge("a", "b", "rows", "a.rows: DataFrame -> rows", "removed") in drawing.edges
    assert drawing.upstream()["a"] == ["b"]
    assert "a" not in drawing.upstream()["b"]


def test_a_removed_node_that_would_close_a_cycle():
    old = plan(step("b"), step("mid", "b"), step("a", "mid"))
    new = plan(step("a"), step("b", "a"))
    drawing = diff(of_plan(old), of_plan(new))
    assert drawing.upstream()["b"] == ["a"]
