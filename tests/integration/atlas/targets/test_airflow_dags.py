"""DAGs as a resource: rolled out, read back, repaired and removed; nothing half-made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.errors import DeployError, PartialFailureError, PlatformError, StoreError
from atlas.http import service
from atlas.http.service import Patience
from atlas.kinds import content, ownership
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.targets.airflow import api as airflow_api
from atlas.targets.airflow import dag_removal, rollout
from atlas.targets.airflow.resource import AirflowDagsKind
from tests.integration.atlas_provider.fake_airflow import FakeAirflow, serve

KIND = Handler(AirflowDagsKind())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "_PATIENCE", Patience(0.0, 0.2, 0.2, 0.2))
    monkeypatch.setattr(service, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(service, "_LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(rollout, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(dag_removal, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(dag_removal, "_DRAIN_SECONDS", 0.2)
    monkeypatch.setattr(dag_removal, "_NOTICE_SECONDS", 1.0)
    monkeypatch.setattr(dag_removal, "_READ_SECONDS", 0.1)


@pytest.fixture
def airflow(tmp_path: Path):
    folder = tmp_path / "dags"
    folder.mkdir()
    (tmp_path / "secrets").mkdir()
    secret = {"username": "atlas", "password": "hunter2"}
    (tmp_path / "secrets" / "airflow.json").write_text(json.dumps(secret))
    fake = FakeAirflow(folder)
    server, fake.url = serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def context() -> OperationContext:
    return OperationContext("inference-airflow", 2.0)


def dag(plan: str, extra: str = "") -> bytes:
    return f'tags = ["plan:{plan}"]\n{extra}'.encode()


def inputs(airflow: FakeAirflow, **members: bytes) -> dict:
    root = airflow.folder.parent
    store = (root / "store").as_uri()
    names = {name.replace("_", "-"): text for name, text in members.items()}
    return {
        "owner": "tumour.local/inference",
        "members": {name: content.put(store, text) for name, text in names.items()},
        "plans": {name: text.decode().split("plan:")[1].split('"')[0] for name, text in names.items()},
        "store": store,
        "dags": airflow.folder.as_uri(),
        "airflow": airflow.url,
        "secrets": (root / "secrets").as_uri(),
        "credentials": "airflow",
    }  # fmt: skip


def given(state: dict) -> dict:
    """Return the inputs of a state."""
    return {name: state[name] for name in KIND.schema.inputs if name in state}


def api_of(state: dict) -> airflow_api.AirflowApi:
    return airflow_api.AirflowApi(state["airflow"], state["secrets"], state["credentials"])


def created(airflow: FakeAirflow, context: OperationContext, **members: bytes) -> dict:
    wanted = inputs(airflow, **members)
    identity, outputs = KIND.create(wanted, context)
    assert identity == "tumour.local/inference"
    return {**wanted, **outputs}


def test_created_means_that_airflow_reports_it(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"), c=dag("33"))
    assert {*airflow.dags} == {"a", "b", "c"}
    assert state["held"] == []
    live = KIND.read("x", state, context)
    assert KIND.diff(live.state, given(state)).changes == {}


def test_a_second_update_writes_nothing(airflow, context):
    state = created(airflow, context, a=dag("11"))
    before = (airflow.folder / "a.py").stat().st_mtime_ns
    KIND.update("x", state, given(state), context)
    assert (airflow.folder / "a.py").stat().st_mtime_ns == before


def test_a_changed_file_must_have_been_read_again_though_its_plan_is_the_same(airflow, context):
    state = created(airflow, context, a=dag("11"))
    slow = inputs(airflow, a=dag("11", "# slow\n"))
    with pytest.raises(
        PartialFailureError, match="didn't report it with its Plan within 2 s without progress"
    ):
        KIND.update("x", state, slow, context)
    assert (airflow.folder / "a.py").read_bytes() == dag("11")


def test_an_import_error_is_told_in_airflows_words_and_the_old_file_is_back(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"))
    wanted = inputs(airflow, a=dag("12", "raise"), b=dag("23"))
    with pytest.raises(PartialFailureError, match="ValueError: broken here") as raised:
        KIND.update("x", state, wanted, context)
    assert (airflow.folder / "a.py").read_bytes() == dag("11")
    assert (airflow.folder / "b.py").read_bytes() == dag("23")
    partial = raised.value.state.plain()
    assert partial["plans"] == {"a": "11", "b": "23"}
    assert raised.value.reasons[0].startswith("a: Airflow can't import its file: Traceback")
    mended = inputs(airflow, a=dag("12"), b=dag("23"))
    assert KIND.diff(partial, mended).changes == {'members["a"]': "update", 'plans["a"]': "update"}
    KIND.update("x", partial, mended, context)
    assert airflow.errors == {}


def test_nothing_is_left_of_a_first_one_that_fails(airflow, context):
    wanted = inputs(airflow, a=dag("11", "raise"))
    with pytest.raises(DeployError, match="broken here"):
        KIND.create(wanted, context)
    assert [*airflow.folder.iterdir()] == []
    assert ownership.owned(wanted["store"], "dags", wanted["owner"]) == []


def test_repeating_a_killed_create_finds_its_own_import_error(airflow, context):
    """A file that was written before the kill, and is broken, isn't waited for in vain."""
    wanted = inputs(airflow, a=dag("11", "raise"))
    (airflow.folder / "a.py").write_bytes(dag("11", "raise"))
    airflow.parse()
    with pytest.raises(DeployError, match="broken here"):
        KIND.create(wanted, context)


@pytest.mark.parametrize("killed_after", ["take", "write", "parse", "ready"])
def test_repeating_a_killed_create_converges(airflow, context, killed_after):
    wanted = inputs(airflow, a=dag("11"), b=dag("22"))
    ownership.take(wanted["store"], "dags", wanted["members"], wanted["owner"])
    if killed_after != "take":
        (airflow.folder / "a.py").write_bytes(dag("11"))
    if killed_after == "parse":
        airflow.parse()
    if killed_after == "ready":
        (airflow.folder / "b.py").write_bytes(dag("22"))
        airflow.parse()
    KIND.create(wanted, context)
    assert {*airflow.dags} == {"a", "b"}


def test_what_a_killed_update_left_and_nobody_wants_any_more_is_removed(airflow, context):
    first = inputs(airflow, a=dag("11"), gone=dag("99"))
    ownership.take(first["store"], "dags", first["members"], first["owner"])
    (airflow.folder / "gone.py").write_bytes(dag("99"))
    airflow.parse()
    created(airflow, context, a=dag("11"))
    assert {*airflow.dags} == {"a"}
    assert not (airflow.folder / "gone.py").exists()


def test_a_member_less_is_removed_from_airflow_too(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"))
    KIND.update("x", state, inputs(airflow, b=dag("22")), context)
    assert {*airflow.dags} == {"b"}
    assert [path.name for path in airflow.folder.iterdir()] == ["b.py"]


def test_an_operators_pause_is_reported_and_kept(airflow, context):
    state = created(airflow, context, a=dag("11"))
    airflow.paused.add("a")
    airflow.dags["a"]["is_paused"] = True
    live = KIND.read("x", state, context)
    assert live.state["held"] == ["a"]
    assert KIND.diff(live.state, given(state)).changes == {}
    outputs = KIND.update("x", state, inputs(airflow, a=dag("12")), context)
    assert outputs["held"] == ["a"]
    assert not [call for call in airflow.calls if call.startswith("PATCH")]


def test_drift_is_found_and_repaired(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"), c=dag("33"))
    wanted = {name: state[name] for name in KIND.schema.inputs if name in state}
    (airflow.folder / "a.py").write_bytes(dag("11", "# by hand\n"))
    (airflow.folder / "b.py").unlink()
    live = KIND.read("x", state, context).state
    assert KIND.diff(live, wanted).changes == {
        'members["a"]': "update", 'members["b"]': "add", 'plans["b"]': "add"
    }  # fmt: skip
    KIND.update("x", live, wanted, context)
    again = KIND.read("x", state, context).state
    assert KIND.diff(again, wanted).changes == {}


def test_all_gone_reads_as_nothing(airflow, context):
    state = created(airflow, context, a=dag("11"))
    (airflow.folder / "a.py").unlink()
    assert KIND.read("x", state, context) is None


def test_delete_removes_file_and_records_and_can_be_repeated(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"))
    KIND.delete("x", state, context)
    assert airflow.dags == {}
    assert [*airflow.folder.iterdir()] == []
    KIND.delete("x", state, context)


def test_nothing_is_deleted_before_airflow_has_noticed_that_its_file_is_gone(airflow, context):
    """Else its dag-processor, which is about to write the row, finds none and ends."""
    state = created(airflow, context, a=dag("11"), b=dag("22"))
    airflow.unnoticed = 8
    KIND.delete("x", state, context)
    assert airflow.dags == {}
    assert not airflow.crashed


def test_without_a_dag_processor_that_could_notice_it_is_deleted_all_the_same(airflow, context):
    state = created(airflow, context, a=dag("11"))
    airflow.unnoticed = 10**6
    KIND.delete("x", state, context)
    assert airflow.dags == {}


def test_delete_waits_for_runs_and_leaves_everything_when_they_dont_end(airflow, context):
    state = created(airflow, context, a=dag("11"))
    airflow.active["a"] = ["manual-1"]
    with pytest.raises(DeployError, match="a: manual-1"):
        KIND.delete("x", state, context)
    assert (airflow.folder / "a.py").exists()


def test_delete_doesnt_wait_for_the_runs_of_a_paused_dag_which_never_end(airflow, context):
    state = created(airflow, context, a=dag("11"))
    airflow.dags["a"]["is_paused"] = True
    airflow.active["a"] = ["manual-1"]
    with pytest.raises(DeployError, match="whose files are removed"):
        KIND.delete("x", state, context)
    airflow.active["a"] = []
    KIND.delete("x", state, context)
    assert airflow.dags == {}


def test_a_name_of_another_stack_is_refused_before_anything_is_written(airflow, context):
    wanted = inputs(airflow, a=dag("11"), b=dag("22"))
    ownership.take(wanted["store"], "dags", ["b"], "other.local/inference")
    with pytest.raises(DeployError, match=r"b: belongs to stack other\.local/inference"):
        KIND.create(wanted, context)
    assert [*airflow.folder.iterdir()] == []
    assert ownership.owned(wanted["store"], "dags", wanted["owner"]) == []


def test_missing_content_is_found_before_anything_is_written(airflow, context):
    wanted = {**inputs(airflow, a=dag("11")), "members": {"a": "0" * 64}}
    with pytest.raises(StoreError, match="there is no such content"):
        KIND.create(wanted, context)
    assert [*airflow.folder.iterdir()] == []


def test_an_airflow_that_is_down_is_a_clear_error(airflow, context):
    wanted = {**inputs(airflow, a=dag("11")), "airflow": "http://127.0.0.1:9"}
    with pytest.raises(
        PlatformError, match=r"airflow at http://127\.0\.0\.1:9: no answer.*atlas up"
    ):
        KIND.create(wanted, context)
    assert [*airflow.folder.iterdir()] == []


def test_a_wrong_password_is_told_without_it(airflow, context):
    airflow.password = "another"
    with pytest.raises(PlatformError, match="doesn't take the user and password") as raised:
        KIND.create(inputs(airflow, a=dag("11")), context)
    assert "hunter2" not in str(raised.value)


def test_a_token_that_ran_out_is_asked_for_again(airflow, context):
    state = created(airflow, context, a=dag("11"))
    api = api_of(state)
    api.dags(["a"])
    airflow.tokens += 1
    assert {*api.dags(["a"])} == {"a"}


def test_a_database_that_is_locked_for_a_moment_is_waited_for(airflow, context):
    state = created(airflow, context, a=dag("11"))
    airflow.failures += ["/api/v2/dags/a", "/api/v2/dags/a"]
    KIND.delete("x", state, context)
    assert airflow.dags == {}


def test_an_airflow_that_goes_on_failing_is_told(airflow, context):
    airflow.failures += ["/api/v2/dags"] * 100
    with pytest.raises(PlatformError, match=r"status 500: .*Database error"):
        KIND.create(inputs(airflow, a=dag("11")), context)


@pytest.mark.parametrize(("silent", "is_told"), [(2, False), (3, True)])
def test_a_rollout_outlives_a_few_rounds_without_an_answer(
    airflow, context, monkeypatch, silent, is_told
):
    ask, calls = airflow_api.AirflowApi.dags, []

    def dags(self, names):
        calls.append(names)
        if 1 < len(calls) <= 1 + silent:
            raise PlatformError("no answer: timed out")
        return ask(self, names)

    monkeypatch.setattr(airflow_api.AirflowApi, "dags", dags)
    if is_told:
        with pytest.raises(PlatformError, match="timed out"):
            created(airflow, context, a=dag("11"))
        assert [*airflow.folder.iterdir()] == [], "the file is taken back"
    else:
        assert created(airflow, context, a=dag("11"))["members"]


def test_another_address_is_no_error_for_what_is_there(airflow, context):
    state = created(airflow, context, a=dag("11"))
    moved = {**state, "airflow": "http://127.0.0.1:9"}
    live = KIND.read("x", moved, context).state
    assert live == moved, "an Airflow that says nothing is no drift"
    assert [*KIND.diff(live, given(state)).changes] == ["airflow"]
    KIND.update("x", live, given(state), context)
    gone = {**state, "dags": (airflow.folder / "gone").as_uri()}
    assert KIND.read("x", gone, context) is None


def test_without_members_everything_goes(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"))
    KIND.update("x", state, {**given(state), "members": {}, "plans": {}}, context)
    assert airflow.dags == {}
    KIND.delete(
        "x", {**state, "members": {}, "plans": {}, "airflow": "http://127.0.0.1:9"}, context
    )


def test_last_runs_are_read_by_list(airflow, context):
    state = created(airflow, context, a=dag("11"), b=dag("22"), c=dag("33"))
    airflow.active = {"a": ["a-new", "a-old"], "b": [f"b-{n}" for n in range(150)]}
    airflow.calls.clear()
    found = api_of(state).last_runs(state["members"])
    assert found == {"a": ("a-new", "running"), "b": ("b-0", "running")}
    assert airflow.calls.count("POST /api/v2/dags/~/dagRuns/list") == 2


def test_cancelling_leaves_nothing_half_made(airflow, context):
    context.cancelled.set()
    with pytest.raises(DeployError, match="interrupted"):
        KIND.create(inputs(airflow, a=dag("11", "# slow\n")), context)
    assert [*airflow.folder.iterdir()] == []


def test_names_must_be_the_same(airflow):
    wanted = {**inputs(airflow, a=dag("11")), "plans": {}}
    (failure,) = KIND.check(wanted)
    assert failure.property == "plans"


def test_no_secret_is_in_the_state(airflow, context):
    assert "hunter2" not in json.dumps(created(airflow, context, a=dag("1")))


def test_a_family_takes_as_many_calls_as_one_pipeline(airflow, context):
    """But for Airflow's records, which it lets go one by one."""
    airflow.page = 1000

    def calls(number: int) -> list[str]:
        family = {f"m{member}": dag(f"{member:x}") for member in range(number)}
        airflow.calls.clear()
        state = created(airflow, context, **family)
        live = KIND.read("x", state, context)
        KIND.update("x", live.state, inputs(airflow, **{**family, "m0": dag("ff")}), context)
        KIND.delete("x", {**state, "plans": {}}, context)
        return [call for call in airflow.calls if not call.startswith("DELETE")]

    few, many = calls(1), calls(40)
    assert set(many) == set(few)
    # A poll or two more, for a slow machine.
    assert len(many) <= len(few) + 4
