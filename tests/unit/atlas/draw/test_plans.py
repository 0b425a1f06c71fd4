"""What is drawn of Plans and Recipes: nodes, edges, groups, families, and what joins them."""

from dataclasses import replace
from pathlib import Path

from atlas.draw import dot, mermaid, of_plan, of_plans, of_recipe, svg, text
from atlas.plan import InputSource, Model, Output, PlanData, PlanStep, Value
from atlas.plan.parts import Foreach
from atlas.recipe import Recipe, Resources
from atlas.search.part import BEST, PROPOSE, TRIAL, SearchPart
from tests.golden.graphs import family, fan_in_group, plan, step
from tests.golden.plans import INFERENCE, TRAINING
from tests.scoring import Project


def nodes(drawing):
    return {node.id: node for node in drawing.nodes}


def edges(drawing):
    return {(edge.source, edge.target, edge.label, edge.kind) for edge in drawing.edges}


def test_one_plan():
    drawing = of_plan(TRAINING)
    assert drawing.title == "tumour · training"
    assert list(nodes(drawing)) == [
        "data.tumours", "load", "features.scale", "train", "evaluate", "report", "model",
    ]  # fmt: skip
    assert edges(drawing) == {
        ("data.tumours", "load", "", "reads"),
        ("load", "features.scale", "rows", "reads"),
        ("features.scale", "train", "rows", "reads"),
        ("load", "train", "regions", "reads"),
        ("train", "evaluate", "model", "reads"),
        ("features.scale", "evaluate", "rows", "reads"),
        ("load", "evaluate", "", "order"),
        ("evaluate", "report", "", "order"),
        ("train", "report", "", "order"),
        ("train", "model", "model", "reads"),
        ("features.scale", "model", "fitted", "reads"),
    }
    assert drawing.summary() == "5 steps, 1 data set, 1 model."


def test_foreach_is_there_many_times():
    train = nodes(of_plan(TRAINING))["train"]
    assert train.many == "load.regions"
    assert train.facts["foreach.region"] == "load.regions"


def test_an_inlined_recipe_is_a_group():
    drawing = of_plan(fan_in_group(3))
    assert [(g.id, g.parent, g.label, g.detail) for g in drawing.groups] == [
        ("regions", "", "regions", "regions.json"),
        ("regions.inner", "regions", "inner", "inner.json"),
    ]
    node = nodes(drawing)["regions.inner.train_000"]
    assert (node.label, node.group) == ("train_000", "regions.inner")


def test_the_facts_of_a_step():
    facts = nodes(of_plan(TRAINING))["train"].facts
    assert facts["class"] == "steps:TrainForest"
    assert facts["inputs.rows"] == "features.scale.rows"
    assert facts["params.trees"] == "parameter trees"
    assert facts["outputs.model"] == "RandomForestClassifier"
    assert facts["image"] == "trees (Dockerfile)"
    assert facts["resources.memory"] == "2Gi"
    assert "cache" not in facts


def test_settings_that_differ_from_the_default_are_facts():
    one = PlanStep(
        "one", "steps:One", cache=False, timeout=90, env={"A": "b"}, secrets=("token",),
        params={"x": Value("value", {"b": 1, "a": None})}, resources=Resources(0.5, 10**9),
        outputs={"y": Output(), "z": Output("dict[str, float]", "json")},
    )  # fmt: skip
    facts = nodes(of_plan(plan(one)))["one"].facts
    assert facts["cache"] == "off"
    assert facts["timeout"] == "90 s"
    assert facts["env.A"] == "b"
    assert facts["secrets"] == "token"
    assert facts["params.x"] == '{"a":null,"b":1}'
    assert facts["resources.cpu"] == "0.5"
    assert facts["resources.memory"] == "1000000000"
    assert facts["outputs.y"] == "any"
    assert facts["outputs.z"] == "dict[str, float] (json)"


def test_no_credential_in_an_address():
    data = {"rows": PlanData(uri="s3://me:secret@host/a@b?token=secret", credential="lake")}
    facts = nodes(of_plan(plan(step("load"), data=data)))["data.rows"].facts
    assert facts["uri"] == "s3://host/a@b"
    assert facts["credential"] == "lake"


def test_training_and_inference_meet_in_the_model():
    drawing = of_plans([TRAINING, INFERENCE])
    assert drawing.title == "tumour · training and inference"
    assert [group.id for group in drawing.groups] == [
        "tumour/training", "tumour/training/features", "tumour/inference",
    ]  # fmt: skip
    found = edges(drawing)
    assert ("tumour/training/train", "tumour/model", "model", "reads") in found
    assert ("tumour/model", "tumour/inference/score", "classifier", "reads") in found
    assert [node.id for node in drawing.nodes].count("tumour/model") == 1


def test_what_a_sink_writes_comes_after_it():
    assert ("write", "data.scores", "", "writes") in edges(of_plan(INFERENCE))


def test_a_model_of_no_known_name_is_drawn_too():
    lone = replace(INFERENCE, model=None)
    assert nodes(of_plan(lone))["model"].label == "model"


def test_parts_of_the_model_that_no_step_makes_are_left_out():
    one = plan(step("train"), model=Model("m", parts={"a": "train.rows", "b": "gone.rows"}))
    assert {edge for edge in edges(of_plan(one)) if edge[1] == "model"} == {
        ("train", "model", "rows", "reads")
    }


def test_a_family_is_drawn_once_and_says_what_differs():
    drawing = of_plans(family(12))
    assert drawing.title == "sales · training \N{MULTIPLICATION SIGN} 12 members"
    assert drawing.notes == ("family sales: 12 members by region (12); drawn: sales-region0",)
    assert list(nodes(drawing)) == ["data.rows", "load", "train"]
    facts = nodes(drawing)["load"].facts
    assert facts["params.region"].startswith('by member: "region0" | "region1" | ')
    assert facts["class"] == "steps:Load"


def test_one_member_of_a_family_says_so():
    one = family(3)[1]
    assert of_plan(one).notes == ("family sales: 1 members by region (1); drawn: sales-region1",)


def reader(kind, name):
    given = InputSource(kind, name, "rows", "train")
    return plan(
        PlanStep("join", "steps:Join", inputs={"rows": given}), config="total", pipeline="total"
    )


def test_another_pipeline_is_a_node_of_its_own():
    drawing = of_plan(reader("pipeline", "sales-region0"))
    node = nodes(drawing)["pipeline:sales-region0"]
    assert (node.kind, node.label) == ("pipeline", "sales-region0")
    assert ("pipeline:sales-region0", "join", "rows", "reads") in edges(drawing)


def test_a_family_that_is_read_is_there_many_times():
    node = nodes(of_plan(reader("family", "sales")))["family:sales"]
    assert (node.kind, node.many) == ("family", "members")


def test_pipelines_that_are_drawn_together_are_joined():
    for kind, name in (
        ("family", "sales"),
        ("pipeline", "sales-region2"),
        ("history", "sales-region2"),
    ):
        drawing = of_plans([*family(3), reader(kind, name)])
        assert ("sales/training/train", "total/training/join", "rows", "reads") in edges(drawing)
        assert not [node for node in drawing.nodes if node.kind in ("pipeline", "family")]
        assert drawing.title == "sales, total"


def test_a_pipeline_that_reads_its_own_last_run_is_no_cycle():
    own = replace(reader("pipeline", "total"), steps=(
        PlanStep("train", "steps:T", inputs={"rows": InputSource("pipeline", "total", "rows", "train")}),
    ))  # fmt: skip
    drawing = of_plans([own, *family(2)])
    assert "total/training/pipeline:total" in nodes(drawing)


def test_nothing():
    assert of_plans([]).title == "nothing to draw"
    assert of_plans([]).summary() == "."


RECIPE = Recipe.parse(
    {
        "name": "part",
        "inputs": {"rows": {}},
        "parameters": {"n": {"type": "integer", "default": 1}},
        "steps": {
            "clean": {"class": "steps:Clean", "inputs": {"rows": "input.rows"}, "retries": 2},
            "features": {"recipe": "features.json", "inputs": {"rows": "clean.rows"}},
            "train": {
                "class": "steps:Train",
                "inputs": {"rows": "features.scale.rows", "lost": "nobody.rows"},
                "params": {"n": {"parameter": "n"}, "plain": {"a": 1}, "f": {"feature": "x.y"}},
                "foreach": {"region": "clean.regions"},
                "after": ["clean"],
            },
        },
    }
)


def test_a_recipe_is_drawn_as_it_is_written():
    drawing = of_recipe(RECIPE)
    found = nodes(drawing)
    assert found["features"].kind == "recipe"
    assert found["features"].detail == "features.json"
    assert found["input.rows"].detail == "input"
    assert found["train"].facts["params.n"] == "parameter n"
    assert found["train"].facts["params.plain"] == '{"a":1}'
    assert found["train"].facts["params.f"] == "feature x.y"
    assert found["clean"].facts["retries"] == "2"
    assert ("features", "train", "scale.rows", "reads") in edges(drawing)
    assert ("input.nobody", "train", "", "reads") in edges(drawing)
    assert ("clean", "train", "", "order") in edges(drawing)


def test_drawings_and_plans_show_what_the_challenger_runs(tmp_path: Path) -> None:
    project = Project(tmp_path, model={"shadow": True})
    drawing = of_plan(project.plan())
    rivals = {node.id for node in drawing.nodes if node.is_rival}
    assert rivals == {"challenger", "challenger.scale", "challenger.score"}
    assert "○" in text(drawing)
    assert 'style="filled,dashed"' in dot(drawing)
    assert 'class="node step rival"' in svg(drawing)
    assert "stroke-dasharray:5 3" in mermaid(drawing)


SEARCH = {"space": {"depth": {"low": 1, "high": 9}}, "metric": "mae", "goal": "minimize",
          "trials": 5, "concurrency": 2}  # fmt: skip
ROUNDS = ("tune-propose-1", "tune-trials-1", "tune-propose-2", "tune-trials-2")


def searching():
    """The Plan of a search in two rounds, beside an ordinary step before it and one after."""

    def reads(name, output):
        return InputSource("step", name, output)

    def part(role):
        return SearchPart(role, "tune", "mae", "minimize", "steps:Measure")

    steps = [step("load")]
    for number, count in ((1, 2), (2, 3)):
        before = {"history": reads("tune-propose-1", "history"),
                  "results": reads("tune-trials-1", "result")}  # fmt: skip
        steps.append(
            PlanStep(
                f"tune-propose-{number}", "atlas.search:Propose", inputs=before if number > 1 else {},
                params={"search": Value("value", SEARCH), "count": Value("value", count)},
                search=part(PROPOSE),
            )
        )  # fmt: skip
        proposals = reads(f"tune-propose-{number}", "proposals")
        steps.append(
            PlanStep(
                f"tune-trials-{number}", "steps:Train", inputs={"rows": reads("load", "rows")},
                params={"leaf": Value("value", 3)}, foreach=Foreach((("proposal", proposals),)),
                search=part(TRIAL),
            )
        )  # fmt: skip
    last = {
        "history": reads("tune-propose-2", "history"),
        "results": reads("tune-trials-2", "result"),
    }
    best = PlanStep("tune", "steps:Train", inputs=last, outputs={"model": Output("Forest")},
                    search=part(BEST))  # fmt: skip
    return plan(
        *steps, best, PlanStep("use", "steps:Use", inputs={"model": reads("tune", "model")})
    )


def test_the_rounds_of_a_search_are_one_node():
    drawing = of_plan(searching())
    assert list(nodes(drawing)) == ["data.rows", "load", "tune", "use"]
    assert {pair[:2] for pair in edges(drawing)} == {
        ("data.rows", "load"), ("load", "tune"), ("tune", "use"),
    }  # fmt: skip
    tune = nodes(drawing)["tune"]
    assert tune.times() == "search: 5 trials in rounds of 3"
    assert tune.parts == ROUNDS
    assert "search: 5 trials in rounds of 3" in svg(drawing)
    assert "search: 5 trials in rounds of 3" in text(drawing)


def test_the_facts_of_a_search_are_those_of_its_trials_and_its_space():
    facts = nodes(of_plan(searching()))["tune"].facts
    assert facts["inputs.rows"] == "load.rows"
    assert facts["params.leaf"] == "3"
    assert facts["outputs.model"] == "Forest"
    assert facts["search.space.depth"] == '{"high":9,"low":1}'
    assert facts["search.metric"] == "mae"
    assert not {"inputs.history", "inputs.results", "foreach.proposal"} & set(facts)


def test_the_outcome_of_a_search_is_that_of_all_its_steps():
    tune = nodes(of_plan(searching()))["tune"]
    ran = dict.fromkeys((*ROUNDS, "tune"), "ran")
    assert tune.outcome({}) == ""
    assert tune.outcome({"tune-propose-1": "ran"}) == "running"
    assert tune.outcome(ran) == "ran"
    assert tune.outcome(dict.fromkeys(ran, "cached")) == "cached"
    assert tune.outcome({**dict.fromkeys(ran, "cached"), "tune-trials-2": "ran"}) == "ran"
    assert tune.outcome({**ran, "tune-trials-1": "failed", "tune": "skipped"}) == "failed"


def test_a_search_of_a_recipe_that_is_not_resolved_is_one_node_too():
    raw = {"class": "steps:Train", "inputs": {"rows": "load.rows"},
           "search": {**SEARCH, "evaluate": {"class": "steps:M", "inputs": {"rows": "hold.rows"}}}}  # fmt: skip
    plain = {"class": "steps:Load"}
    recipe = Recipe.parse({"name": "r", "steps": {"load": plain, "hold": plain, "tune": raw}})
    drawing = of_recipe(recipe)
    assert nodes(drawing)["tune"].times() == "search: 5 trials in rounds of 2"
    assert {pair[:2] for pair in edges(drawing)} == {("load", "tune"), ("hold", "tune")}


def test_a_recipe_that_runs_once_per_key_says_so_in_its_title():
    keys = InputSource("literal", "", keys=("line", "forest"))
    each = Foreach((("kind", keys),), "modelling")
    steps = [
        replace(step(f"modelling.{name}", "load", origin="m.json"), foreach=each)
        for name in ("a", "b")
    ]
    (group,) = of_plan(plan(step("load"), *steps)).groups
    assert (group.id, group.label) == (
        "modelling",
        "modelling \N{MULTIPLICATION SIGN} line, forest",
    )


def test_steps_that_are_no_search_of_ours_are_drawn_one_by_one():
    whole = searching()
    bare = [replace(one, params={}) if one.name in ROUNDS else one for one in whole.steps]
    assert set(ROUNDS) <= set(nodes(of_plan(replace(whole, steps=tuple(bare)))))
