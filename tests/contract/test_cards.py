"""Cards on a real MLflow: artifacts of the run, tags, and a description that is nobody else's."""

from __future__ import annotations

import hashlib

import pytest

from atlas.cards import attach_card
from atlas.cards.card import ModelCard
from atlas.errors import PlatformError
from atlas.store import ModelPart, open_store
from atlas.tracking import cards
from atlas.tracking.cards import CARD, DESCRIPTION
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.record import RunRecord
from atlas.tracking.registry import ModelRegistration

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"
    ),
]


@pytest.fixture
def version(mlflow_server, request):
    """A registered version, and the MLflow run that it comes from."""
    server = MlflowTracker(mlflow_server)
    name = request.node.name
    tags = {"atlas.run": name, "atlas.pipeline": "p"}
    run = server.send(
        RunRecord("cards", name, "FINISHED", 1_700_000_000_000, 1_700_000_000_001, tags=tags)
    )
    parts = {"part": ModelPart("file:///x/p/r/s/o", "a" * 64)}
    number = server.register(ModelRegistration(name, name, parts, {"atlas.pipeline": "p"}), run)
    return server, name, number, run


def raw(server, name, number):
    answer = server.call("GET", "model-versions/get", {"name": name, "version": number})
    return answer["model_version"]


def artifact(server, run, name):
    import urllib.request

    url = f"{server.url}/get-artifact?path={name}&run_uuid={run}"
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def attach(store, server, name, number, purpose):
    card = ModelCard(name, number, texts={"purpose": purpose})
    attach_card(store, server, card)
    return card


def test_a_card_is_an_artifact_and_a_description_and_a_repeat_replaces_it(version, tmp_path):
    server, name, number, run = version
    store = open_store(tmp_path.as_uri())
    for purpose in ("To test.", "To test again.", "To test again."):
        attach(store, server, name, number, purpose)
        found = raw(server, name, number)
        assert found["description"].startswith(purpose)
        assert purpose in artifact(server, run, "model-card.html").decode()
        assert purpose in artifact(server, run, "model-card.md").decode()
        tags = {tag["key"]: tag["value"] for tag in found["tags"]}
        content = store.location.read(f"models/{name}/cards/{number}.json")
        assert tags[CARD] == hashlib.sha256(content).hexdigest()


def test_what_somebody_wrote_stays(version, tmp_path):
    server, name, number, _ = version
    store = open_store(tmp_path.as_uri())
    named = {"name": name, "version": number}
    server.call("PATCH", "model-versions/update", {**named, "description": "Mine."})
    attach(store, server, name, number, "To test.")
    assert raw(server, name, number)["description"] == "Mine."
    # Once it is empty, it is Atlas's to write; and when somebody changes that, it is theirs again.
    server.call("PATCH", "model-versions/update", {**named, "description": ""})
    attach(store, server, name, number, "To test.")
    ours = raw(server, name, number)["description"]
    assert ours.startswith("To test.")
    server.call("PATCH", "model-versions/update", {**named, "description": f"{ours} Seen by ann."})
    attach(store, server, name, number, "Another purpose.")
    assert raw(server, name, number)["description"] == f"{ours} Seen by ann."


def test_a_crash_between_the_tag_and_the_description(version, tmp_path, monkeypatch):
    server, name, number, _ = version
    store = open_store(tmp_path.as_uri())
    attach(store, server, name, number, "First.")
    real = MlflowTracker.call

    def call(self, method, path, payload=None, accepted=()):
        if path == "model-versions/update":
            raise PlatformError("gone")
        return real(self, method, path, payload, accepted)

    monkeypatch.setattr(MlflowTracker, "call", call)
    with pytest.raises(PlatformError, match="gone"):
        attach(store, server, name, number, "Second.")
    monkeypatch.undo()
    assert raw(server, name, number)["description"].startswith("First.")
    attach(store, server, name, number, "Third.")
    assert raw(server, name, number)["description"].startswith("Third.")


def test_a_version_that_isn_t_there(mlflow_server, tmp_path):
    server, store = MlflowTracker(mlflow_server), open_store(tmp_path.as_uri())
    with pytest.raises(PlatformError, match="there is no version 7 of nothing"):
        attach(store, server, "nothing", "7", "x")
    assert store.location.exists("models/nothing/cards/7.html")
    assert DESCRIPTION in vars(cards).values()
