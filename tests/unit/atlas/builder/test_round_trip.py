"""Whatever a Recipe or Config can say, the builder can say: JSON → calls → the same JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.builder import ConfigBuilder, RecipeBuilder, pretty
from atlas.config import Config
from atlas.load import fits_schema
from atlas.recipe import Recipe
from atlas.values import canonical

RECIPES = Path(__file__).parents[4] / "recipes"

names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
durations = st.from_regex(r"[0-9]{1,3}(ms|s|m|h|d)", fullmatch=True)
classes = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?:[A-Z][a-z]{1,5}", fullmatch=True)
references = st.one_of(
    st.builds("{}.{}".format, names, identifiers),
    st.builds("data.{}".format, names),
    st.builds("model.{}".format, identifiers),
    st.builds("input.{}".format, identifiers),
    st.builds("pipeline:{}/{}.{}".format, names, names, identifiers),
    st.builds("family:{}/{}.{}".format, names, names, identifiers),
)


def table(keys: Any, values: Any, least: int = 0) -> Any:
    return st.dictionaries(keys, values, min_size=least, max_size=3)


def some(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


tolerations = some({}, key=names, operator=st.sampled_from(["Equal", "Exists"]), value=texts)
setting_fields = {
    "image": names,
    "resources": some({}, cpu=st.integers(1, 8), memory=st.just("2Gi"), gpu=st.integers(0, 4)),
    "retries": st.integers(0, 9) | some({"limit": st.integers(0, 9)}, delay=durations),
    "timeout": st.from_regex(r"[1-9][0-9]{0,2}(ms|s|m|h|d)", fullmatch=True),
    "env": table(identifiers, texts),
    "secrets": st.lists(names, unique=True, max_size=3),
    "cache": st.booleans() | texts.filter(bool),
    "node_selector": table(texts, texts),
    "tolerations": st.lists(tolerations, max_size=2),
}
dynamic = st.one_of(
    *(st.fixed_dictionaries({kind: texts}) for kind in ("parameter", "feature", "axis", "run")),
    st.fixed_dictionaries({"literal": json_values}),
)
step_fields = {
    "description": texts,
    "inputs": table(identifiers, references),
    "params": table(identifiers, json_values | dynamic),
    "outputs": table(identifiers, st.fixed_dictionaries({"format": st.just("json")})),
    "after": st.lists(names, unique=True, max_size=3),
    "foreach": st.dictionaries(identifiers, references, min_size=1, max_size=1),
    **setting_fields,
}
steps = some({"class": classes}, **step_fields) | some({"recipe": names}, **step_fields)
parameters = some(
    {"type": st.sampled_from(["string", "integer", "number", "boolean"])},
    default=texts | numbers | st.booleans(),
    minimum=numbers,
    maximum=numbers,
    choices=st.lists(texts | numbers, min_size=1, max_size=3),
    description=texts,
)
images = st.one_of(
    some({"requirements": names}, base=names),
    some({"dockerfile": names}, base=names),
    some({"reference": st.just(f"r.io/x@sha256:{'0' * 64}")}),
)
head = {"version": st.just(1), "name": names}
sections = {
    "$schema": texts,
    "flow": st.sampled_from(["training", "inference"]),
    "description": texts,
    "inputs": table(identifiers, some({}, optional=st.booleans(), description=texts)),
    "outputs": table(identifiers, references),
    "parameters": table(identifiers, parameters),
    "images": table(names, images),
    "defaults": some({}, **setting_fields),
}
recipes = some({**head, "steps": table(names, steps, 1)}, **sections)
children = some(
    {**head, "extends": names},
    **sections,
    steps=table(names, st.none() | some({}, **step_fields), 1),
)

schedules = some(
    {"cron": st.just("0 6 * * *")}, timezone=st.just("UTC"), start=st.just("2026-01-01")
)
drift = some(
    {},
    features=st.just("all") | st.lists(names, min_size=1, max_size=2, unique=True),
    predictions=st.booleans(),
    test=st.just("ks"),
    false_alarms=st.floats(0.001, 0.5),
    looks=st.integers(1, 9),
    tolerance=st.just("learned") | st.floats(0.0, 0.5) | table(texts, st.floats(0.0, 0.5), 1),
)
table_outputs = st.builds("{}.{}".format, names, names)
columns = st.lists(names, min_size=1, max_size=3, unique=True)
configs = some(
    {
        **head,
        "recipes": st.fixed_dictionaries({"training": names})
        | st.fixed_dictionaries({"training": names, "inference": names}),
    },
    **{"$schema": texts, "description": texts},
    data=table(
        names,
        some(
            {},
            type=st.sampled_from(["table", "file", "folder"]),
            time=texts,
            label=texts,
            description=texts,
        ),
    ),
    features=table(texts, json_values),
    steps=table(names, some({}, **{"class": classes}, params=table(identifiers, json_values))),
    parameters=table(texts, texts | numbers | st.booleans()),
    model=some(
        {"name": names},
        version=names | st.integers(1, 9),
        **{"from": table(identifiers, st.builds("{}.{}".format, names, names), 1)},
    ),
    statistics=some(
        {},
        features=some({"from": table_outputs}, columns=columns, training=table_outputs),
        predictions=st.one_of(
            some({"from": table_outputs, "columns": columns}, time=names),
            some(
                {"from": table_outputs, "columns": columns, "score": names, "label": names},
                positive=st.booleans() | st.integers(0, 9) | names,
            ),
        ),
    ).filter(bool),
    quality=some(
        {},
        on_breach=st.sampled_from(["fail", "warn"]),
        checks=st.lists(st.sampled_from(["rows", "range"]), unique=True),
        missing=st.sampled_from([0, 0.5, 1]),
        columns=table(names, some({"minimum": numbers}, maximum=numbers), 1),
    ),
    schedule=some({}, training=schedules, inference=schedules),
    promotion=some(
        {"metric": st.builds("{}.{}".format, names, names)},
        at_least=numbers,
        at_most=numbers,
        beats_champion=st.booleans(),
    ),
    retraining=some(
        {},
        new_rows=st.integers(1, 9),
        new_labels=st.integers(1, 9),
        drift=drift,
        degradation=some({"metric": names, "below": numbers}, batches=st.integers(1, 5)),
        estimate=some({"metric": st.just("accuracy"), "below": numbers}),
        window=st.just("90d"),
        parameters=some({}, all=table(texts, texts | numbers, 1)).filter(bool),
        approval=st.sampled_from(["none", "training", "promotion"]),
        cooldown=st.just("7d"),
        in_flight=st.integers(1, 9),
        per_month=st.integers(1, 9),
        schedule=some({"cron": st.just("@daily")}, timezone=st.just("UTC")),
    ),
    matrix=table(
        st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True),
        st.lists(names, min_size=1, max_size=3, unique=True),
        1,
    ),
)


@given(recipes | children)
@settings(max_examples=100, deadline=None)
def test_a_recipe_comes_back_as_it_was(raw: dict[str, Any]) -> None:
    assert fits_schema("recipe", raw), "the strategy makes what the schema refuses"
    built = RecipeBuilder.from_json(raw).to_json()
    assert canonical(built) == canonical(raw)
    assert list(built) == list(raw)
    if "extends" not in raw:
        assert Recipe.parse(built) == Recipe.parse(raw) == RecipeBuilder.from_json(raw).recipe()


@given(configs)
@settings(max_examples=100, deadline=None)
def test_a_config_comes_back_as_it_was(raw: dict[str, Any]) -> None:
    assert fits_schema("config", raw), "the strategy makes what the schema refuses"
    built = ConfigBuilder.from_json(raw).to_json()
    assert canonical(built) == canonical(raw)
    assert list(built) == list(raw)
    assert Config.parse(built) == ConfigBuilder.from_json(raw).config()


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_pretty_json_means_the_same(value: Any) -> None:
    assert json.loads(pretty(value)) == value


@pytest.mark.parametrize("file", sorted(RECIPES.glob("tumour/*.json")), ids=lambda file: file.name)
def test_the_example_projects_documents(file: Path) -> None:
    builder = ConfigBuilder if file.name == "config.json" else RecipeBuilder
    raw = json.loads(file.read_text())
    assert json.dumps(builder.read(file).to_json()) == json.dumps(raw)


def test_going_on_from_a_document_leaves_the_document_alone() -> None:
    raw = {"version": 1, "name": "a", "steps": {"b": {"class": "steps:B", "params": {"c": [1]}}}}
    before = json.dumps(raw)
    builder = RecipeBuilder.from_json(raw)
    builder.step("d", "steps:D")
    builder.to_json()["steps"]["b"]["params"]["c"].append(2)
    assert json.dumps(raw) == before
    assert builder.to_json()["steps"]["b"]["params"]["c"] == [1]
