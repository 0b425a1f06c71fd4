"""Names of models in MLflow: made, mended, and never removed."""

from __future__ import annotations

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.tracking.mlflow import MlflowTracker
from atlas_provider.kinds.registered_models import RegisteredModelsKind
from atlas_provider.models import registered
from tests.integration.atlas_provider.fake_mlflow import serve

KIND = Handler(RegisteredModelsKind())
CONTEXT = OperationContext("models")


STRANGERS = ("theirs",)


@pytest.fixture
def mlflow():
    models: dict[str, str] = {}
    server, url = serve(models, STRANGERS)
    yield models, url
    server.shutdown()
    server.server_close()


def inputs(url: str, **members: str) -> dict:
    return {"owner": "p.dev/models", "members": members, "mlflow": url}


def test_create_takes_over_what_training_has_made(mlflow):
    models, url = mlflow
    models["b"] = "made by a training"
    wanted = inputs(url, a="A.", b="B.")
    assert KIND.create(wanted, CONTEXT) == ("p.dev/models", {})
    assert models == {"a": "A.", "b": "B."}
    assert KIND.read("models", wanted, CONTEXT).inputs == wanted


def test_what_others_have_made_is_refused_and_nothing_is_made(mlflow):
    models, url = mlflow
    models["theirs"] = "somebody's"
    with pytest.raises(DeployError, match=r"D019: registered model theirs: .* atlas\.owner;"):
        KIND.create(inputs(url, a="A.", theirs="Ours."), CONTEXT)
    ours = inputs(url, a="A.")
    KIND.create(ours, CONTEXT)
    with pytest.raises(DeployError, match="D019"):
        KIND.update("models", ours, inputs(url, a="B.", theirs="Ours."), CONTEXT)
    assert models == {"a": "A.", "theirs": "somebody's"}


def test_a_model_of_the_stacks_state_stays_its_own(mlflow):
    models, url = mlflow
    models["theirs"] = "made by an older Atlas"
    before = inputs(url, theirs="Before.")
    KIND.update("models", before, inputs(url, theirs="Now."), CONTEXT)
    assert models == {"theirs": "Now."}


def test_drift_is_found_and_repaired(mlflow):
    models, url = mlflow
    wanted = inputs(url, a="A.", b="B.")
    KIND.create(wanted, CONTEXT)
    del models["a"]
    models["b"] = "by hand"
    live = KIND.read("models", wanted, CONTEXT).state
    assert KIND.diff(live, wanted).changes == {'members["a"]': "add", 'members["b"]': "update"}
    KIND.update("models", live, wanted, CONTEXT)
    assert models == {"a": "A.", "b": "B."}


def test_delete_keeps_the_models(mlflow):
    models, url = mlflow
    wanted = inputs(url, a="A.")
    KIND.create(wanted, CONTEXT)
    KIND.delete("models", wanted, CONTEXT)
    KIND.update("models", wanted, inputs(url), CONTEXT)
    assert models == {"a": "A."}


def test_an_mlflow_that_is_down():
    gone = inputs("http://127.0.0.1:9", a="A.")
    live = KIND.read("models", gone, CONTEXT)
    assert KIND.diff(live.state, gone).changes == {}, "an MLflow that says nothing is no drift"
    with pytest.raises(PlatformError, match="no answer"):
        KIND.create(gone, CONTEXT)


def test_many_are_read_by_list_and_not_one_by_one(mlflow):
    models, url = mlflow
    models.update({f"m{number}": "M." for number in range(5)} | {"other": "O."})
    found = registered(MlflowTracker(url), ["m0", "m3", "m4", "m9"])
    assert {name: one.aliases for name, one in found.items()} == {
        "m0": {"champion": "7"}, "m3": {"champion": "7"}, "m4": {"champion": "7"}
    }  # fmt: skip
    assert registered(MlflowTracker(url), []) == {}
