"""What an earlier version deployed is as it should be for this one: its states were recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.kinds.parsing import parse_state
from atlas.kinds.properties import to_plain
from atlas_provider.kinds import KINDS
from atlas_provider.schema import package_schema

RECORDED = json.loads((Path(__file__).parents[2] / "recorded" / "resources.json").read_text())
RESOURCES = RECORDED["resources"]


def test_every_kind_was_recorded():
    assert {each["type"] for each in RESOURCES} == set(KINDS)


@pytest.mark.parametrize("recorded", RESOURCES, ids=lambda each: each["rig"])
def test_nothing_has_changed_for_a_resource_that_was_deployed(recorded):
    handler, inputs, outputs = KINDS[recorded["type"]], recorded["inputs"], recorded["outputs"]
    assert handler.check(inputs) == []
    assert handler.diff(outputs, inputs).changes == {}


@pytest.mark.parametrize("recorded", RESOURCES, ids=lambda each: each["rig"])
def test_a_recorded_state_is_parsed_and_written_without_loss(recorded):
    kind = KINDS[recorded["type"]].kind
    for state in (recorded["outputs"], recorded["read"]["outputs"]):
        inputs, outputs = parse_state(kind.inputs, state), parse_state(kind.outputs, state)
        assert to_plain(inputs) == recorded["inputs"]
        assert {**to_plain(inputs), **to_plain(outputs)} == state


def bare(properties):
    """Return properties of a schema without their descriptions."""
    return {
        name: {key: value for key, value in spec.items() if key != "description"}
        for name, spec in properties.items()
    }


@pytest.mark.parametrize("token", sorted(KINDS))
def test_names_types_and_replacements_are_what_they_were(token):
    found, was = (
        json.loads(package_schema(KINDS, "0"))["resources"][token],
        RECORDED["schema"][token],
    )
    inputs = bare(found["inputProperties"])
    outputs = {n: s for n, s in bare(found["properties"]).items() if n not in inputs}
    assert (inputs, outputs) == (was["inputs"], was["outputs"])
    assert sorted(found["requiredInputs"]) == sorted(was["requiredInputs"])
    assert sorted(found["required"]) == sorted(was["required"])
