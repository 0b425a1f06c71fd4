"""The fast validator decides and the slow one explains: they must agree, on any document."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from atlas.load.document import Document, parse_document
from atlas.load.schema import (
    SCHEMAS,
    first_repeated,
    fits_schema,
    schema_text,
    slow_validator,
    structure_problems,
    unpaired_surrogate,
)
from tests.contract.fuzz import corpus, mutate
from tests.unit.atlas.load.test_document_properties import JSON

FILE = Path("x.json")
_MUTANTS = 1200


GLOBALS = b"""{
  "version": 1, "description": "Of all pipelines.",
  "parameters": {"rate": 0.5, "name": "x"}, "features": {"regions": ["a", {"b": null}]}
}"""


def kind_of(name: str, value: Any) -> str:
    if name.startswith("environments/"):
        return "environment"
    return "config" if isinstance(value, dict) and "recipes" in value else "recipe"


def originals() -> list[tuple[str, bytes]]:
    found = set()
    for files in corpus.projects()[:-19]:
        for name, text in files.items():
            if name.endswith(".json"):
                try:
                    found.add((kind_of(name, json.loads(text)), text))
                except ValueError:
                    continue
    documents = [(kind, text.encode()) for kind, text in sorted(found)]
    return documents + [("globals", GLOBALS)] * (len(documents) // 8)


def agree(kind: str, value: Any) -> bool:
    """Tell whether a value is right, once both have said the same."""
    slow = next(slow_validator(kind).iter_errors(value), None)
    assert fits_schema(kind, value) is (slow is None), f"{json.dumps(value)[:500]}\n{slow}"
    return slow is None


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_of_their_draft(kind: str) -> None:
    schema = json.loads(schema_text(kind))
    assert schema["$schema"].endswith("2020-12/schema")
    jsonschema.Draft202012Validator.check_schema(schema)


def test_both_agree_on_every_example_and_its_mutants() -> None:
    draw, documents = Random(4), originals()
    right = sum(agree(kind, json.loads(raw)) for kind, raw in documents)
    assert right > len(documents) / 2
    outcomes = {kind: [0, 0] for kind in SCHEMAS}
    for _ in range(_MUTANTS):
        kind, raw = draw.choice(documents)
        changed = mutate.document(raw, draw)
        try:
            value = parse_document(changed.decode(), FILE).value
        except Exception:
            continue
        if unpaired_surrogate(value) is None:
            outcomes[kind][agree(kind, value)] += 1
    assert all(wrong > 30 and right > 5 for wrong, right in outcomes.values()), outcomes


@settings(deadline=None, max_examples=200)
@given(JSON)
def test_both_agree_on_any_json(value: Any) -> None:
    for kind in SCHEMAS:
        if unpaired_surrogate(value) is None:
            agree(kind, value)


@settings(deadline=None, max_examples=150)
@given(JSON)
def test_what_is_wrong_is_always_told(value: Any) -> None:
    for kind in SCHEMAS:
        document = parse_document(json.dumps(value), FILE)
        problems = structure_problems(kind, document)
        right = unpaired_surrogate(value) is None and fits_schema(kind, value)
        assert (problems == []) is right
        assert all(str(one).isprintable() and one.line for one in problems)


def test_documents_that_a_program_made_have_no_lines() -> None:
    (found, *_) = structure_problems(
        "recipe", Document(FILE, "x.json", {"version": 2, "name": "a", "steps": {}})
    )
    assert (found.line, found.column) == (0, 0)


def problem_of(field: str, value: Any) -> tuple[str, str, str, str]:
    steps = {"a": {"class": "s:A", field: value}}
    recipe = {"version": 1, "name": "r", "flow": "training", "steps": steps}
    (one,) = structure_problems("recipe", Document(FILE, "x.json", recipe))
    return (one.code, one.path, one.expected, one.hint)


@pytest.mark.parametrize("zero", ["0s", "00m", "0ms"])
def test_a_timeout_is_more_than_nothing(zero: str) -> None:
    expected = "how long one attempt may take; more than nothing"
    assert problem_of("timeout", zero) == ("S004", "steps.a.timeout", expected, "")


def test_a_timeout_that_is_no_duration_is_told_once() -> None:
    expected = "a whole number and ms, s, m, h or d"
    assert problem_of("timeout", "soon") == ("S004", "steps.a.timeout", expected, "")


def test_nothing_is_no_hint() -> None:
    code, path, _, hint = problem_of("env", {"PATH": "\0"})
    assert (code, path, hint) == ("S004", "steps.a.env.PATH", "")


@pytest.mark.parametrize(
    ("items", "index"),
    [([], None), ([1, 2], None), ([1, 1.0], 1), ([1, True], None), ([0, False, 0], 2), ([[1], [1.0]], 1), ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], 1), (["a", None, None], 2)],
)  # fmt: skip
def test_what_stands_twice(items: list[Any], index: int | None) -> None:
    assert first_repeated(items) == index


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("\ud800", ()),
        ({"a": ["x", "\udfff"]}, ("a", 1)),
        ({"\ud800": 1}, ()),
        ({"a": {"b": "😀"}}, None),
        (["\ud83d", "\ud83d"], (0,)),
    ],
)
def test_half_a_character(value: Any, path: tuple[Any, ...] | None) -> None:
    assert unpaired_surrogate(value) == path


def test_the_first_of_very_many_problems_are_reported():
    data = {f"x{index}": "text" for index in range(300)}
    text = json.dumps({"version": 1, "name": "p", "recipes": {"training": "t.json"}, "data": data})
    found = structure_problems("config", parse_document(text, FILE))
    assert [problem.path for problem in found] == [f"data.x{index}" for index in range(100)]
