"""KubeflowPipelines on an API server: versions, schedules, drift, and what stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.kinds import content, ownership
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.plan import Plan
from atlas.store import Run, open_store
from atlas.targets.kubeflow import operations
from atlas.targets.kubeflow import server_pipelines as kubeflow_server
from atlas.targets.kubeflow.resource import KubeflowPipelinesKind
from tests.integration import fake_kubeflow

KIND = Handler(KubeflowPipelinesKind())
CONTEXT = OperationContext("training-kubeflow")


@pytest.fixture
def there() -> Iterator[fake_kubeflow.FakeKubeflow]:
    fake = fake_kubeflow.FakeKubeflow()
    server, fake.url = fake_kubeflow.serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


def plan(code: str) -> Plan:
    return Plan(
        name="dev-p", pipeline="p", config="p", flow="training", recipe="r", environment="dev",
        target="kubeflow", steps=(), code=code,
    )  # fmt: skip


def inputs(fake: fake_kubeflow.FakeKubeflow, folder: Path, **plans: Plan) -> dict[str, Any]:
    store = (folder / "store").as_uri()
    for each in plans.values():
        open_store(store).add_plan(each)
    texts = {name: f"plan: {each.digest}\n".encode() for name, each in plans.items()}
    return {
        "owner": "p.dev/training",
        "members": {name: content.put(store, text) for name, text in texts.items()},
        "plans": {name: each.digest for name, each in plans.items()},
        "store": store, "kubeflow": fake.url, "schedules": {},
    }  # fmt: skip


def names(fake: fake_kubeflow.FakeKubeflow, kind: str) -> list[str]:
    return sorted(item["display_name"] for item in fake.items[kind].values())


def deployed(state: dict[str, Any]) -> dict[str, Any]:
    _, outputs = KIND.create(state, CONTEXT)
    return {**state, **outputs}


def test_a_version_is_named_by_its_digest_and_reads_back(there, tmp_path):
    wanted = inputs(there, tmp_path, p=plan("a"), q=plan("b"))
    state = deployed(wanted)
    assert names(there, "pipelines") == ["p", "q"]
    assert names(there, "versions") == sorted(wanted["members"].values())
    page = f"{there.url}/#/pipelines/details/"
    assert [link.startswith(page) for link in state["versions"].values()] == [True, True]
    live = KIND.read("x", state, CONTEXT)
    assert live.inputs == wanted
    assert live.state == state
    assert KIND.diff(live.state, wanted).changes == {}


def test_a_repeat_changes_nothing(there, tmp_path):
    wanted = {**inputs(there, tmp_path, p=plan("a")), "schedules": {"p": "0 6 * * *"}}
    state = deployed(wanted)
    there.calls.clear()
    assert {**wanted, **KIND.update("x", state, wanted, CONTEXT)} == state
    assert {method for method, _ in there.calls} == {"GET"}


def test_an_update_adds_a_version_and_deletes_none(there, tmp_path):
    state = deployed(inputs(there, tmp_path, p=plan("a")))
    KIND.update("x", state, inputs(there, tmp_path, p=plan("b")), CONTEXT)
    assert len(there.items["versions"]) == 2
    KIND.update("x", state, inputs(there, tmp_path, p=plan("a")), CONTEXT)
    assert len(there.items["versions"]) == 2


@pytest.mark.parametrize("damage", ["version", "pipeline", "schedule", "another schedule"])
def test_drift_is_found_and_repaired(there, tmp_path, damage):
    wanted = inputs(there, tmp_path, p=plan("a"), q=plan("b"))
    wanted["schedules"] = {"p": "0 6 * * *"}
    state = deployed(wanted)
    of = next(i for i, one in there.items["pipelines"].items() if one["display_name"] == "p")
    version = next(i for i, one in there.items["versions"].items() if one["pipeline_id"] == of)
    (recurring,) = there.items["recurringruns"]
    if damage == "another schedule":
        there.items["recurringruns"][recurring]["no_catchup"] = False
    else:
        kind, one = {"version": ("versions", version), "pipeline": ("pipelines", of),
                     "schedule": ("recurringruns", recurring)}[damage]  # fmt: skip
        del there.items[kind][one]
    live = KIND.read("x", state, CONTEXT)
    lost = ['schedules["p"]']
    if "schedule" not in damage:
        lost = ['members["p"]', 'plans["p"]', *lost]
    assert [*KIND.diff(live.state, wanted).changes] == lost
    KIND.update("x", live.state, wanted, CONTEXT)
    assert KIND.read("x", state, CONTEXT).inputs == wanted


def test_a_schedule_that_a_network_has_made_twice_is_drift_and_one_goes(there, tmp_path):
    wanted = {**inputs(there, tmp_path, p=plan("a")), "schedules": {"p": "0 6 * * *"}}
    state = deployed(wanted)
    (one,) = there.items["recurringruns"].values()
    there._add("recurringruns", {k: v for k, v in one.items() if k != "recurring_run_id"})
    live = KIND.read("x", state, CONTEXT)
    assert [*KIND.diff(live.state, wanted).changes] == ['schedules["p"]']
    KIND.update("x", live.state, wanted, CONTEXT)
    assert [*there.items["recurringruns"].values()] == [one]


def test_a_schedule_that_an_operator_stopped_is_paused_and_stays_so(there, tmp_path):
    wanted = {**inputs(there, tmp_path, p=plan("a")), "schedules": {"p": "0 6 * * *"}}
    state = deployed(wanted)
    (one,) = there.items["recurringruns"].values()
    assert one["no_catchup"]
    one["status"] = "DISABLED"
    live = KIND.read("x", state, CONTEXT)
    assert live.state["held"] == ["p"]
    assert KIND.diff(live.state, wanted).changes == {}
    newer = {**inputs(there, tmp_path, p=plan("b")), "schedules": {"p": "0 7 * * *"}}
    assert KIND.update("x", state, newer, CONTEXT)["held"] == ["p"]
    (one,) = there.items["recurringruns"].values()
    assert one["trigger"]["cron_schedule"]["cron"] == "0 0 7 * * *"


def test_somebody_elses_recurring_run_is_left_alone(there, tmp_path):
    there.items["recurringruns"]["r"] = {
        "recurring_run_id": "r", "display_name": "p", "description": "by hand", "status": "ENABLED",
    }  # fmt: skip
    state = deployed(inputs(there, tmp_path, p=plan("a")))
    assert KIND.read("x", state, CONTEXT).inputs["schedules"] == {}
    KIND.delete("x", state, CONTEXT)
    assert [*there.items["recurringruns"]] == ["r"]


def test_delete_keeps_the_versions_that_a_run_was_made_by(there, tmp_path):
    first, second = plan("a"), plan("b")
    state = deployed(inputs(there, tmp_path, p=first))
    state = {**inputs(there, tmp_path, p=second), "schedules": {"p": "0 6 * * *"}}
    KIND.update("x", state, state, CONTEXT)
    open_store(state["store"]).bind(Run("training-1", "dev-p", "training", first.digest))
    KIND.delete("x", state, CONTEXT)
    kept = [one["description"] for one in there.items["versions"].values()]
    assert kept == [f"plan: {first.digest}"]
    assert names(there, "pipelines") == ["p"]
    assert there.items["recurringruns"] == {}
    assert KIND.read("x", state, CONTEXT) is None
    KIND.delete("x", state, CONTEXT)


def test_delete_leaves_nothing_of_what_never_ran(there, tmp_path):
    state = deployed(inputs(there, tmp_path, p=plan("a")))
    KIND.delete("x", state, CONTEXT)
    assert there.items["pipelines"] == there.items["versions"] == {}
    assert ownership.owned(state["store"], "kubeflow", state["owner"]) == []


def test_names_of_others_are_refused(there, tmp_path):
    wanted = inputs(there, tmp_path, p=plan("a"))
    ownership.take(wanted["store"], "kubeflow", ["p"], "other.dev/training")
    with pytest.raises(DeployError, match=r"p: belongs to stack other\.dev/training"):
        KIND.create(wanted, CONTEXT)
    ownership.release(wanted["store"], "kubeflow", ["p"], "other.dev/training")
    there.answer("POST", "/apis/v2beta1/pipelines", {}, {"display_name": "p", "name": "p"})
    with pytest.raises(DeployError, match="a pipeline of this name that Atlas didn't make; rename"):
        KIND.create(wanted, CONTEXT)


@pytest.mark.parametrize("store", ["", "s3://another/store"])
def test_after_a_refusal_destroy_leaves_others_what_is_theirs(there, tmp_path, store):
    """A pipeline that Atlas didn't make, or made for another store, with a schedule of its own."""
    mark = f"Made by Atlas; each version is named by the sha256 of its package.\nstore: {store}"
    theirs = {"display_name": "dev-p-training", "name": "dev-p-training"}
    there._add("pipelines", {**theirs, "description": mark if store else "Mine."})
    (pipeline,) = there.items["pipelines"]
    there._add("recurringruns", {
        **theirs, "description": "Made by Atlas: 0 6 * * *", "status": "ENABLED",
        "pipeline_version_reference": {"pipeline_id": pipeline, "pipeline_version_id": "v"},
    })  # fmt: skip
    given = inputs(there, tmp_path, **{"dev-p-training": plan("a")})
    with pytest.raises(DeployError, match="has "):
        KIND.create(given, CONTEXT)
    assert KIND.read("p.dev/training", {**given, "versions": {}, "held": []}, CONTEXT) is None
    KIND.delete("p.dev/training", {**given, "members": {}}, CONTEXT)
    kubeflow_server.purge(given, given["members"])
    assert kubeflow_server.left_versions(given, given["members"]) == {}
    assert [*there.items["pipelines"]] == [pipeline]
    assert len(there.items["recurringruns"]) == 1
    assert ownership.owned(given["store"], "kubeflow", given["owner"]) == []


def test_two_teams_on_a_kubeflow_of_several_users(there, tmp_path):
    there.multi_user = True
    given = inputs(there, tmp_path, **{"dev-p-training": plan("a")})
    given["schedules"] = {"dev-p-training": "0 6 * * *"}
    states = {}
    for team in ("team-a", "team-b"):
        mine = {**given, "namespace": team, "owner": team, "store": f"{given['store']}/{team}"}
        for text in (f"plan: {plan('a').digest}\n".encode(),):
            content.put(mine["store"], text)
        open_store(mine["store"]).add_plan(plan("a"))
        states[team] = deployed(mine)
    for kind in ("pipelines", "experiments", "recurringruns"):
        spaces = [item["namespace"] for item in there.items[kind].values()]
        assert sorted(spaces) == ["team-a", "team-b"], kind
    live = KIND.read("team-a", states["team-a"], CONTEXT)
    assert live is not None
    assert live.inputs["schedules"] == given["schedules"]
    KIND.delete("team-a", states["team-a"], CONTEXT)
    assert [one["namespace"] for one in there.items["pipelines"].values()] == ["team-b"]
    assert [one["namespace"] for one in there.items["recurringruns"].values()] == ["team-b"]


def test_what_moves_to_another_namespace_leaves_nothing_behind(there, tmp_path):
    there.multi_user = True
    given = {**inputs(there, tmp_path, **{"dev-p-training": plan("a")}), "namespace": "team-a"}
    given["schedules"] = {"dev-p-training": "0 6 * * *"}
    state = deployed(given)
    KIND.update("x", state, {**given, "namespace": "team-b"}, CONTEXT)
    for kind in ("pipelines", "recurringruns"):
        assert [one["namespace"] for one in there.items[kind].values()] == ["team-b"]
    assert ownership.owned(given["store"], "kubeflow", given["owner"]) == ["dev-p-training"]


def test_a_kubeflow_of_several_users_wants_a_namespace(there, tmp_path):
    there.multi_user = True
    given = inputs(there, tmp_path)
    with pytest.raises(PlatformError, match="serves several users, and no namespace is named"):
        kubeflow_server.require_alive(given)
    kubeflow_server.require_alive({**given, "namespace": "team-a"})


def test_what_was_renamed_in_the_page_is_found_and_goes(there, tmp_path):
    state = deployed(inputs(there, tmp_path, **{"dev-p-training": plan("a")}))
    for kind in ("pipelines", "versions"):
        for item in there.items[kind].values():
            item["display_name"] = "A friendly name"
    live = KIND.read("p.dev/training", state, CONTEXT)
    assert live is not None
    assert live.inputs["members"] == state["members"]
    KIND.delete("p.dev/training", state, CONTEXT)
    assert there.items["pipelines"] == there.items["versions"] == {}


def test_a_version_of_that_name_with_other_content_is_refused(there, tmp_path):
    wanted = inputs(there, tmp_path, p=plan("a"))
    deployed(wanted)
    (version,) = there.items["versions"].values()
    version.update(description="by hand", pipeline_spec={"plan": "another"})
    with pytest.raises(DeployError, match=r"p: .* with other content, which Atlas didn't upload"):
        KIND.create(wanted, CONTEXT)


def test_the_token_is_the_password_of_its_secret(there, tmp_path):
    there.token = "hunter2"
    wanted = inputs(there, tmp_path, p=plan("a"))
    with pytest.raises(PlatformError, match="asks for a token"):
        KIND.create(wanted, CONTEXT)
    (tmp_path / "secrets").mkdir()
    secret = {"username": "atlas", "password": "hunter2"}
    (tmp_path / "secrets" / "kubeflow.json").write_text(json.dumps(secret))
    opened = {"secrets": (tmp_path / "secrets").as_uri(), "credentials": "kubeflow"}
    state = deployed({**wanted, **opened})
    assert "hunter2" not in str(state)
    assert KIND.check({**wanted, "credentials": "kubeflow"})[0].property == "secrets"


def test_a_family_is_read_with_one_call_a_member(there, tmp_path):
    there.page = 200
    members = {f"p-{number}": plan(str(number)) for number in range(20)}
    state = deployed(inputs(there, tmp_path, **members))
    there.calls.clear()
    assert len(KIND.read("x", state, CONTEXT).inputs["members"]) == 20
    assert len(there.calls) == 20 + 2


def test_the_last_runs_of_members(there, tmp_path):
    wanted = inputs(there, tmp_path, p=plan("a"), q=plan("b"))
    for name, state in [("p", "FAILED"), ("other", "PENDING")]:
        _, one = there.answer("POST", "/apis/v2beta1/experiments", {}, {"display_name": name})
        for run in ("training-1", "training-2"):
            body = {"display_name": run, "experiment_id": one["experiment_id"]}
            _, made = there.answer("POST", "/apis/v2beta1/runs", {}, body)
            there.items["runs"][made["run_id"]]["state"] = state
    assert kubeflow_server.last_runs(wanted) == {"p": ("training-2", "failed")}


def test_pods_of_last_runs_under_way_are_looked_at(there, tmp_path, monkeypatch):
    wanted = inputs(there, tmp_path, p=plan("a"), q=plan("b"))
    _, one = there.answer("POST", "/apis/v2beta1/experiments", {}, {"display_name": "p"})
    body = {"display_name": "training-1", "experiment_id": one["experiment_id"]}
    _, made = there.answer("POST", "/apis/v2beta1/runs", {}, body)
    monkeypatch.setattr(operations, "cluster", object)
    monkeypatch.setattr(operations, "waiting", lambda watch, run: [f"no node for {run}"])
    runs = kubeflow_server.last_runs(wanted)
    found = operations.KubeflowOperations().unstarted(wanted, runs, SimpleNamespace())
    assert found == {"p": [f"no node for {made['run_id']}"]}


def test_a_purge_deletes_what_runs_were_made_by(there, tmp_path):
    first = plan("a")
    state = deployed(inputs(there, tmp_path, p=first))
    open_store(state["store"]).bind(Run("training-1", "dev-p", "training", first.digest))
    KIND.delete("x", state, CONTEXT)
    assert kubeflow_server.left_versions(state, ["p", "unknown"]) == {"p": 1}
    kubeflow_server.purge(state, ["p", "unknown"])
    assert there.items["pipelines"] == there.items["versions"] == {}
    kubeflow_server.purge(state, ["p"])
