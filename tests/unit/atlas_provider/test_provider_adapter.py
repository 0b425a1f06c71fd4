"""The adapter between Pulumi's protocol and the kinds, without an engine."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from typing import Annotated, Any

import pulumi
import pytest
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from atlas.errors import DeployError, PartialFailureError
from atlas.kinds.handler import Handler
from atlas.kinds.parsing import UNKNOWN
from atlas.kinds.properties import REPLACES, properties
from atlas.kinds.protocol import Failure, Kind, State
from atlas_provider import resources
from atlas_provider.generate import generated
from atlas_provider.kinds import KINDS
from atlas_provider.provider import AtlasProvider
from atlas_provider.schema import package_schema, type_spec
from atlas_provider.values import to_plain, to_values

URN = "urn:pulumi:local::atlas::atlas:local:Part$atlas:index:Box::mine"


@properties
class BoxInputs:
    """A box."""

    size: Annotated[int, "How big."]
    color: Annotated[str | None, "Which color.", REPLACES] = None
    members: Annotated[Mapping[str, str] | None, "What is in it."] = None


@properties
class BoxOutputs:
    """What a box adds."""

    weight: Annotated[float, "How heavy."]


class Box(Kind[BoxInputs, BoxOutputs]):
    """A kind that keeps its boxes in a mapping."""

    inputs, outputs = BoxInputs, BoxOutputs

    def __init__(self):
        self.boxes: dict[str, Any] = {}

    def check(self, inputs):
        return [Failure("size", "too big")] if inputs.size > 9 else []

    def create(self, inputs, context):
        self.boxes[context.name] = inputs
        return context.name, BoxOutputs(weight=1.5)

    def read(self, identity, state, context):
        found = self.boxes.get(identity)
        return found and State(found, state.outputs)

    def update(self, identity, state, inputs, context):
        self.boxes[identity] = inputs
        return BoxOutputs(weight=2.5)

    def delete(self, identity, state, context):
        del self.boxes[identity]


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def served(box):
    return AtlasProvider({"atlas:index:Box": Handler(box)}, "1.0.0")


def run(coroutine):
    return asyncio.run(coroutine)


def test_values_round_trip():
    plain = {"a": 1, "b": 1.5, "c": True, "d": "x", "e": [1, {"f": "g"}], "u": UNKNOWN}
    assert to_plain(to_values(plain)) == plain
    assert to_values({"u": UNKNOWN})["u"].value == WIRE_UNKNOWN
    assert to_plain({"n": PropertyValue(None), "__defaults": PropertyValue([])}) == {}


def test_check_names_every_failure(served):
    news = to_values({"sise": 1, "color": 3})
    answer = run(served.check(protocol.CheckRequest(URN, {}, news, b"")))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        ("sise", "unknown input (did you mean 'size'?); remove it"),
        ("size", "missing; it is required: give it a value"),
        ("color", "found an integer; expected a string"),
    ]


def test_check_asks_the_kind_and_returns_the_inputs(served):
    answer = run(served.check(protocol.CheckRequest(URN, {}, to_values({"size": 10}), b"")))
    assert [failure.reason for failure in answer.failures] == ["too big"]
    answer = run(served.check(protocol.CheckRequest(URN, {}, to_values({"size": UNKNOWN}), b"")))
    assert answer.failures == []
    assert to_plain(answer.inputs) == {"size": UNKNOWN}


def test_secrets_stay_secrets_and_are_hidden_in_what_is_said(box, served):
    def secret(text):
        return PropertyValue(text, is_secret=True)

    nested = {"a": secret("hunter2"), "b": PropertyValue("open")}
    given = {"size": PropertyValue(1.0), "color": secret("red"), "members": PropertyValue(nested)}
    made = run(served.create(protocol.CreateRequest(URN, given, 0, False))).properties
    found = run(served.read(protocol.ReadRequest(URN, "mine", made, given)))
    previewed = run(served.create(protocol.CreateRequest(URN, given, 0, True))).properties
    for values in (made, found.properties, found.inputs, previewed):
        assert (values["color"].is_secret, values["size"].is_secret) == (True, False)
        assert [one.is_secret for one in values["members"].value.values()] == [True, False]

    def fails(*_):
        raise PartialFailureError("mine", None, ["hunter2 and red, 3 hunters"])

    box.update = fails
    request = protocol.UpdateRequest(URN, "mine", made, given, 0, [], False)
    with pytest.raises(PartialFailureError) as failed:
        run(served.update(request))
    assert (str(failed.value), *failed.value.reasons) == ("[secret] and red, 3 hunters",) * 2
    box.check = lambda inputs: [Failure("members", f"found {inputs.members}")]
    answer = run(served.check(protocol.CheckRequest(URN, {}, given, b"")))
    assert [failure.reason for failure in answer.failures] == [
        "found {'a': '[secret]', 'b': 'open'}"
    ]


def test_diff_is_property_by_property(served):
    state = to_values({"size": 1, "color": "red", "members": {"a": "1", "b": "2"}, "weight": 1})
    news = to_values({"size": 2, "color": "blue", "members": {"a": "1", "b": "3", "c": "4"}})
    answer = run(served.diff(protocol.DiffRequest(URN, "mine", state, news, [])))
    assert answer.changes is True
    assert {path: diff.kind.name for path, diff in answer.detailed_diff.items()} == {
        "size": "UPDATE",
        "color": "UPDATE_REPLACE",
        'members["b"]': "UPDATE",
        'members["c"]': "ADD",
    }
    assert answer.replaces == ["color"]
    assert answer.diffs == ["color", "members", "size"]


def test_diff_heeds_ignore_changes(served):
    state = to_values({"size": 1, "color": "red", "weight": 1})
    request = protocol.DiffRequest(URN, "mine", state, to_values({"size": 2}), ["size", "color"])
    assert run(served.diff(request)).changes is False


def test_create_read_update_delete(served, box):
    made = run(served.create(protocol.CreateRequest(URN, to_values({"size": 1}), 0, False)))
    assert made.resource_id == "mine"
    assert to_plain(made.properties) == {"size": 1, "weight": 1.5}
    found = run(served.read(protocol.ReadRequest(URN, "mine", made.properties, {})))
    assert to_plain(found.inputs) == {"size": 1}
    request = protocol.UpdateRequest(
        URN, "mine", made.properties, to_values({"size": 2}), 0, [], False
    )
    assert to_plain(run(served.update(request)).properties) == {"size": 2, "weight": 2.5}
    run(served.delete(protocol.DeleteRequest(URN, "mine", made.properties, 0)))
    assert (
        run(served.read(protocol.ReadRequest(URN, "mine", made.properties, {}))).resource_id == ""
    )


def test_previews_touch_nothing_and_leave_outputs_unknown(served, box):
    made = run(served.create(protocol.CreateRequest(URN, to_values({"size": 1}), 0, True)))
    assert to_plain(made.properties) == {"size": 1, "weight": UNKNOWN}
    request = protocol.UpdateRequest(
        URN, "mine", to_values({"size": 1}), to_values({"size": 2}), 0, [], True
    )
    assert to_plain(run(served.update(request)).properties) == {"size": 2, "weight": UNKNOWN}
    assert box.boxes == {}


def test_an_unknown_type_is_named(served):
    request = protocol.CheckRequest(URN.replace("Box", "Bax"), {}, {}, b"")
    with pytest.raises(DeployError, match=r"no resource type 'atlas:index:Bax'.*atlas:index:Box"):
        run(served.check(request))


def test_schema_has_a_description_on_everything():
    schema = json.loads(package_schema(KINDS, "1.0.0"))
    assert set(schema["resources"]) == set(KINDS)
    for resource in schema["resources"].values():
        assert resource["description"]
        for spec in resource["properties"].values():
            assert spec["description"]
        assert set(resource["requiredInputs"]) <= set(resource["inputProperties"])


def test_type_specs():
    assert type_spec("integer{}") == {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }
    assert type_spec("any[]") == {"type": "array", "items": {"$ref": "pulumi.json#/Any"}}


CLASSES = {f"atlas:index:{name}": getattr(resources, name) for name in resources.__all__}


def test_every_kind_has_its_class_and_every_class_its_kind():
    assert set(CLASSES) == set(KINDS)


@pytest.mark.parametrize("token", sorted(KINDS))
def test_a_class_takes_exactly_its_kinds_inputs_and_declares_its_outputs(token, monkeypatch):
    cls, schema = CLASSES[token], KINDS[token].schema
    seen = []
    monkeypatch.setattr(pulumi.CustomResource, "__init__", lambda self, *args: seen.append(args))
    parameters = list(inspect.signature(cls.__init__).parameters.values())[2:-1]
    cls("mine", **{parameter.name: "given" for parameter in parameters})
    ((seen_token, _, props, _),) = seen
    assert seen_token == token
    assert {name for name, value in props.items() if value is not None} == set(schema.inputs)
    assert {name for name, value in props.items() if value is None} == set(schema.outputs)
    assert set(inspect.get_annotations(cls)) == set(schema.outputs)


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.stem)
def test_what_is_generated_is_up_to_date(path):
    assert path.read_text("utf-8") == generated()[path], "run python -m atlas_provider.generate"
