"""Reading a stack's state file without the engine."""

from __future__ import annotations

import json

import pytest

from atlas.errors import DeployError
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.live.state import exists, state_of
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.keeping import Files

URN = "urn:pulumi:tumour.local::atlas-pipelines::atlas:index:AirflowDags::inference-airflow"
RAW = {
    "type": "atlas:index:AirflowDags",
    "urn": URN,
    "id": "inference-airflow",
    "inputs": {"members": {"tumour-inference": "a1"}, "folder": "dags"},
    "outputs": {"members": {"tumour-inference": "b2"}},
}
OTHER = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:x::y::pulumi:pulumi:Stack::z"}


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = Files(tmp_path / "pulumi" / ".pulumi").file(PROJECT, "tumour.local")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def latest(*found: object) -> str:
    return json.dumps({"version": 3, "checkpoint": {"latest": {"resources": list(found)}}})


def test_a_stack_without_state_has_no_resources(tmp_path):
    assert state_of(Backend(tmp_path), "tumour.local").resources == []
    assert not exists(Backend(tmp_path), "tumour.local")


def test_a_stack_that_was_never_updated_has_no_resources(tmp_path, write):
    write('{"version": 3, "checkpoint": {"latest": null}}')
    assert state_of(Backend(tmp_path), "tumour.local").resources == []
    assert exists(Backend(tmp_path), "tumour.local")


def test_atlas_resources_are_read_with_their_outputs_over_their_inputs(tmp_path, write):
    write(latest(OTHER, RAW))
    (found,) = state_of(Backend(tmp_path), "tumour.local").resources
    assert (found.kind, found.name, found.identity) == (
        "AirflowDags", "inference-airflow", "inference-airflow"
    )  # fmt: skip
    assert found.inputs["members"] == {"tumour-inference": "a1"}
    assert found.state == {"members": {"tumour-inference": "b2"}, "folder": "dags"}


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "null", "7", '{"checkpoint": []}', '{"checkpoint": {"latest": [1]}}',
     latest(7), latest({}), latest({"type": "atlas:index:AirflowDags"})],
)  # fmt: skip
def test_a_damaged_state_is_told_with_the_way_out(tmp_path, write, text):
    path = write(text)
    with pytest.raises(DeployError, match=r"is damaged .*json\.bak: put it") as caught:
        state_of(Backend(tmp_path), "tumour.local")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [latest(RAW)[:-20].encode(), b"\xff\xfe\x00"])
def test_a_state_that_was_cut_off_with_none_before_it_is_reported(tmp_path, write, content):
    path = write("")
    path.write_bytes(content)
    with pytest.raises(
        DeployError, match=r"^D013: .* is damaged .*no earlier state .* is whole; put"
    ):
        state_of(Backend(tmp_path), "tumour.local")
    assert path.read_bytes() == content


def test_a_state_that_was_cut_off_is_restored(tmp_path, write, caplog):
    path = write(latest(RAW)[:-20])
    path.with_name(f"{path.name}.bak").write_text(latest(RAW))
    (resource,) = state_of(Backend(tmp_path), "tumour.local").resources
    assert resource.name == "inference-airflow"
    (message,) = caplog.messages
    assert message.startswith(f"warning: {path} was damaged (")
    assert (
        "restored from tumour.local.json.bak; it is kept as tumour.local.json.damaged-" in message
    )
    assert "\n" not in message


def test_a_state_that_cannot_be_read_is_reported(tmp_path):
    Files(tmp_path / "pulumi" / ".pulumi").file(PROJECT, "tumour.local").mkdir(parents=True)
    with pytest.raises(DeployError, match="can't be read: is a directory"):
        state_of(Backend(tmp_path), "tumour.local")
