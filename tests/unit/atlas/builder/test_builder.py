"""Building in Python: handles, classes, files, and what can't be said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas import Data, Source, Template
from atlas.builder import (
    ConfigBuilder,
    RecipeBuilder,
    axis,
    data,
    family,
    feature,
    literal,
    model,
    pipeline,
    pretty,
    run_fact,
)
from atlas.errors import AtlasError, DocumentError, InvalidError
from atlas.recipe import Reference

RECIPES = Path(__file__).parents[4] / "recipes"


class Load(Source):
    pass


def tumour_training() -> RecipeBuilder:
    recipe = RecipeBuilder(
        "tumour-training",
        flow="training",
        description="Learn to tell malignant from benign tumours.",
    )
    fraction = recipe.parameter(
        "test_fraction",
        "number",
        default=0.25,
        minimum=0.05,
        maximum=0.5,
        description="The part of the rows that the model is tested on.",
    )
    base = recipe.image("base", requirements="requirements.txt")
    recipe.defaults(image=base, retries=1, timeout="30m", resources={"cpu": 1, "memory": "1Gi"})
    load = recipe.step("load", "steps:LoadTumours", inputs={"source": data("tumours")})
    features = recipe.step("features", recipe="features.json", inputs={"rows": load.rows})
    split = recipe.step(
        "split",
        "steps:Split",
        inputs={"rows": features.rows},
        params={"fraction": fraction, "target": feature("target")},
    )
    columns = {"target": feature("target"), "columns": feature("numeric")}
    train = recipe.step(
        "train",
        "steps:TrainForest",
        inputs={"rows": split.train},
        params=columns,
        resources={"cpu": 2, "memory": "2Gi"},
    )
    recipe.step(
        "evaluate",
        "steps:Evaluate",
        inputs={"model": train.model, "rows": split.test},
        params=columns,
    )
    return recipe


def test_the_example_recipe_in_python_is_the_example_recipe() -> None:
    typed = json.loads((RECIPES / "tumour" / "training.json").read_text())
    del typed["$schema"]
    assert tumour_training().to_json() == typed


def test_the_example_config_in_python_is_the_example_config() -> None:
    typed = json.loads((RECIPES / "tumour" / "config.json").read_text())
    config = ConfigBuilder(
        typed["name"],
        training="training.json",
        inference="inference.json",
        description=typed["description"],
    )
    for name, one in typed["data"].items():
        config.data(name, **one)
    config.features(**typed["features"])
    config.override("train", params={"trees": 200})
    config.parameters(test_fraction=0.3)
    parts = {"classifier": "train.model", "scaler": "features.scale.fitted"}
    config.model("tumour", version="champion", parts=parts)
    config.predictions(
        version="model_version", run="run_id", start="interval_start", end="interval_end"
    )
    config.statistics("features", "load.rows")
    config.statistics("predictions", "score.scores", ["malignant"])
    config.schedule("inference", "0 6 * * *", timezone="UTC", start="2026-01-01")
    config.promotion(
        "evaluate.brier",
        direction="lower",
        at_most=0.08,
        beats_champion={"confidence": 0.95, "margin": 0.02},
        key="patient",
        guards=[
            {"metric": "evaluate.roc_auc", "direction": "higher", "at_least": 0.95},
            {"metric": "evaluate.accuracy", "direction": "higher", "margin": 0.1},
        ],
        slices={"by": "size", "margin": 0.05},
    )
    del typed["$schema"]
    assert config.to_json() == typed


def test_every_word() -> None:
    recipe = RecipeBuilder("r")
    rows = recipe.input("rows", optional=True, description="Rows.")
    step = recipe.step(
        "a",
        "steps:A",
        inputs={
            "own": rows,
            "model": model("scaler"),
            "other": pipeline("prices", "train.model"),
            "all": family("prices", "train.model"),
            "text": "data.x",
        },
        params={
            "region": axis("region"),
            "id": run_fact("id"),
            "as_it_is": literal({"parameter": "x"}),
            "list": (1, 2.5, None, True),
        },
    )
    after = recipe.step(
        "b-b",
        "steps:B",
        after=[step, "features"],
        foreach={"key": step.keys},
        formats={"rows": "arrow"},
    )
    recipe.output("rows", after["rows"])
    built = recipe.to_json()
    assert built["steps"]["a"]["inputs"] == {
        "own": "input.rows",
        "model": "model.scaler",
        "other": "pipeline:prices/train.model",
        "all": "family:prices/train.model",
        "text": "data.x",
    }
    assert built["steps"]["a"]["params"] == {
        "region": {"axis": "region"},
        "id": {"run": "id"},
        "as_it_is": {"literal": {"parameter": "x"}},
        "list": [1, 2.5, None, True],
    }
    assert built["steps"]["b-b"] == {
        "class": "steps:B",
        "outputs": {"rows": {"format": "arrow"}},
        "after": ["a", "features"],
        "foreach": {"key": "a.keys"},
    }
    assert built["inputs"] == {"rows": {"optional": True, "description": "Rows."}}
    assert built["outputs"] == {"rows": "b-b.rows"}


def test_a_handles_attributes_are_references() -> None:
    step = RecipeBuilder("r").step("load", "steps:Load")
    assert step.rows == step["rows"] == Reference("step", "load", "rows")
    assert repr(step) == "<step load>"
    assert not hasattr(step, "_repr_html_")


def test_a_class_is_named_by_its_module() -> None:
    recipe = RecipeBuilder("r")
    recipe.step("load", Load)
    assert recipe.to_json()["steps"]["load"]["class"].endswith("test_builder:Load")


def test_a_class_that_atlas_loaded_is_named_as_in_its_folder(tmp_path: Path) -> None:
    code = pytest.importorskip("atlas.step.code")
    (tmp_path / "steps.py").write_text("from atlas import Source\nclass Load(Source): ...\n")
    code.mount("some-pipeline", tmp_path)
    try:
        recipe = RecipeBuilder("r")
        recipe.step("load", code.load_class("some-pipeline", "steps:Load"))
        assert recipe.to_json()["steps"]["load"]["class"] == "steps:Load"
    finally:
        code.unmount("some-pipeline")


def test_a_local_class_is_refused() -> None:
    class Local(Template):
        def run(self, source: Data) -> None: ...

    with pytest.raises(TypeError, match="no run can import a class that is defined here"):
        RecipeBuilder("r").step("a", Local)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.step("b", int), "isn't a Template; expected a class that inherits from it"),
        (lambda r: r.step("b", "s:B", inputs={"x": r.step("a", "s:A")}), "write a.NAME"),
        (lambda r: r.step("b", "s:B", inputs={"x": 3}), "3 isn't a reference; expected an output"),
        (lambda r: r.step("b", "s:B", params={"x": {1}}), "is a set, which JSON can't say"),
        (lambda r: r.step("b", "s:B", params={"x": {1: 2}}), "the key 1 is a int"),
        (
            lambda r: r.step("b", "s:B", params={"x": [feature("y")]}),
            "a feature can only be a param's whole value",
        ),
    ],
)
def test_what_json_cant_say_is_a_type_error(call: object, message: str) -> None:
    with pytest.raises(TypeError, match=message.replace("(", r"\(")):
        call(RecipeBuilder("r"))  # type: ignore[operator]


def test_a_wrong_structure_is_told_as_for_a_file() -> None:
    recipe = RecipeBuilder("Bad Name")
    recipe.step("a", "nocolon", timeout="soon", retries=-1)
    with pytest.raises(InvalidError) as caught:
        recipe.to_json()
    found = {(one.code, one.path) for one in caught.value.problems}
    assert {("S004", "name"), ("S004", "steps.a.class"), ("S004", "steps.a.timeout")} <= found
    assert caught.value.problems[0].file == "Bad Name (built in Python)"


def test_nan_is_no_json() -> None:
    with pytest.raises(TypeError, match="nan is a float, which JSON can't say"):
        RecipeBuilder("r").step("a", "s:A", params={"x": float("nan")})


def test_removing_and_extending(tmp_path: Path) -> None:
    recipe = RecipeBuilder("r")
    recipe.step("a", "s:A")
    recipe.step("b", "s:B")
    recipe.remove("a")
    assert list(recipe.to_json()["steps"]) == ["b"]
    child = RecipeBuilder("child", extends="r.json")
    child.remove("b")
    assert child.to_json()["steps"] == {"b": None}
    with pytest.raises(TypeError, match="child extends another Recipe; save and load it"):
        child.recipe()


def test_a_step_of_the_same_name() -> None:
    recipe = RecipeBuilder("r")
    recipe.step("a", "s:A")
    message = r"^r: steps.a: there is a step of this name already; .* remove\('a'\) first$"
    with pytest.raises(AtlasError, match=message):
        recipe.step("a", "s:B")
    assert recipe.to_json()["steps"] == {"a": {"class": "s:A"}}
    recipe.remove("a")
    recipe.step("a", "s:B")
    assert recipe.to_json()["steps"] == {"a": {"class": "s:B"}}
    child = RecipeBuilder("child", extends="r.json")
    child.remove("a")
    child.step("a", "s:C")
    assert child.to_json()["steps"] == {"a": {"class": "s:C"}}


def test_saving_and_reading(tmp_path: Path) -> None:
    file = tumour_training().save(tmp_path / "training.json")
    assert file.read_text() == pretty(tumour_training().to_json())
    assert RecipeBuilder.read(file).to_json() == tumour_training().to_json()
    assert [one.name for one in tmp_path.iterdir()] == ["training.json"]


def test_saving_in_a_project_tells_the_editor_of_the_schema(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    schemas = tmp_path / ".atlas" / "schemas"
    schemas.mkdir(parents=True)
    (schemas / "recipe.v1.json").write_text("{}")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    file = tumour_training().save(tmp_path / "deep" / "er" / "training.json")
    assert json.loads(file.read_text())["$schema"] == "../../.atlas/schemas/recipe.v1.json"
    assert RecipeBuilder.read(file).recipe() == tumour_training().recipe()
    moved = RecipeBuilder.read(file).save(tmp_path / "training.json")
    assert json.loads(moved.read_text())["$schema"] == ".atlas/schemas/recipe.v1.json"
    other = {"$schema": "https://example.org/mine.json", **tumour_training().to_json()}
    assert "example.org" in RecipeBuilder.from_json(other).save(file).read_text()


def test_a_broken_recipe_is_not_saved_over_a_good_one(tmp_path: Path) -> None:
    file = tumour_training().save(tmp_path / "training.json")
    before = file.read_text()
    with pytest.raises(InvalidError):
        RecipeBuilder("r").save(file)
    assert file.read_text() == before


def test_what_cant_be_written_or_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="can't be written: no such file or directory"):
        tumour_training().save(tmp_path / "missing" / "training.json")
    with pytest.raises(DocumentError, match="there is no such file"):
        RecipeBuilder.read(tmp_path / "training.json")
    (tmp_path / "config.json").write_text('{"version": 1}')
    with pytest.raises(InvalidError, match="the field 'name' is missing"):
        ConfigBuilder.read(tmp_path / "config.json")


def test_pretty_lays_out_as_the_example_is_typed() -> None:
    text = (RECIPES / "tumour" / "features.json").read_text()
    assert pretty(json.loads(text)) == text
    assert all(len(line) < 100 for line in pretty(tumour_training().to_json()).splitlines())
