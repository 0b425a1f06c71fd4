"""Runs of an API server: started once, followed by steps, ended; and how a page of tasks reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from atlas.errors import PlatformError, TargetError
from atlas.plan import Plan, PlanStep
from atlas.step.binding import remember_target
from atlas.store import Run, open_store
from atlas.store.exclusive import exclusive
from atlas.targets import launcher as states
from atlas.targets.kubeflow.launcher import KubeflowLauncher
from atlas.targets.kubeflow.server import Api, runs
from tests.integration import fake_kubeflow

pytest.importorskip("kfp")

PLAN = Plan(
    name="p", pipeline="p", config="p", flow="training", recipe="r", environment="dev",
    target="kubeflow", steps=(PlanStep("load", "s:L"), PlanStep("fit.one", "s:F", after=("load",))),
)  # fmt: skip
RUN = Run("training-1", "p", "training", PLAN.digest, interval_start="2026-01-01T00:00:00+00:00")
IMAGE = f"registry/it@sha256:{'1' * 64}"


@pytest.fixture
def there(tmp_path):
    fake = fake_kubeflow.FakeKubeflow()
    server, fake.url = fake_kubeflow.serve(fake)
    fake.store = open_store(tmp_path.as_uri())
    yield fake
    server.shutdown()
    server.server_close()


def launcher(fake: fake_kubeflow.FakeKubeflow, image: str = IMAGE) -> KubeflowLauncher:
    return KubeflowLauncher(Api(fake.url), fake.store, lambda _: {"": image})


def task(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"task_id": name, "display_name": name, "state": state, **more}


def test_a_run_has_its_experiment_its_version_and_its_facts(there):
    launched = launcher(there).submit(PLAN, RUN)
    assert launched.is_new
    assert launched.name == "p-training"
    assert launched.url == f"{there.url}/#/runs/details/{launched.id}"
    (run,) = there.items["runs"].values()
    assert run["runtime_config"]["parameters"] == {
        "atlas_run": "training-1", "atlas_interval_end": "",
        "atlas_interval_start": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    (version,) = there.items["versions"].values()
    assert run["pipeline_version_reference"]["pipeline_version_id"] in there.items["versions"]
    assert version["description"] == f"plan: {PLAN.digest}"
    assert "exit-handler-1" in str(version["pipeline_spec"])


def test_the_same_run_is_started_once(there):
    first = launcher(there).submit(PLAN, RUN)
    again = launcher(there).submit(PLAN, RUN)
    assert again == replace(first, is_new=False)
    assert launcher(there).find(PLAN, RUN) == again
    assert launcher(there).find(PLAN, replace(RUN, id="training-2")) is None


def test_a_run_that_kubeflow_has_started_itself_is_found_by_its_own_id(there):
    """As a recurring run or its page does: the first step names the Run after Kubeflow's id."""
    launched = launcher(there).submit(PLAN, RUN)
    (page_run,) = there.items["runs"].values()
    page_run["display_name"] = "nightly-1"
    own = replace(RUN, id=f"training-{launched.id}", target="kubeflow", trigger="schedule")
    assert launcher(there).find(PLAN, own) == replace(launched, is_new=False)
    remember_target(there.store, own, "kubeflow")
    assert launcher(there).find(PLAN, own) is None, "Atlas has started it, under its own name"


def test_a_run_of_another_pipeline_is_not_taken_for_one_of_its_own(there):
    other = replace(PLAN, name="q", pipeline="q")
    launched = launcher(there).submit(other, replace(RUN, pipeline="q", plan=other.digest))
    launcher(there).submit(PLAN, RUN)
    own = replace(RUN, id=f"training-{launched.id}")
    assert launcher(there).find(PLAN, own) is None


def test_of_many_that_start_one_run_at_once_one_does(there):
    with ThreadPoolExecutor(6) as pool:
        launched = [*pool.map(lambda _: launcher(there).submit(PLAN, RUN), range(12))]
    assert [one.is_new for one in launched].count(True) == 1
    assert {one.id for one in launched} == {*there.items["runs"]}


def test_a_run_that_another_process_keeps_starting_is_refused(there, monkeypatch):
    monkeypatch.setattr("atlas.targets.kubeflow.launcher._WAIT", 0.0)
    with (
        exclusive(there.store.location, "start p/training-1"),
        pytest.raises(PlatformError, match=r"another process .* repeat the command once that has"),
    ):
        launcher(there).submit(PLAN, RUN)
    assert launcher(there).submit(PLAN, RUN).is_new


def test_what_a_network_has_made_of_one_request_is_ended_but_for_the_first(there):
    first = launcher(there).submit(PLAN, RUN)
    (run,) = there.items["runs"].values()
    for _ in range(2):
        there._add("runs", {k: v for k, v in run.items() if k not in ("run_id", "created_at")})
    again = launcher(there).submit(PLAN, RUN)
    assert again == replace(first, is_new=False)
    assert [(one["state"], one["storage_state"]) for one in there.items["runs"].values()] == [
        ("PENDING", "AVAILABLE"), ("CANCELING", "ARCHIVED"), ("CANCELING", "ARCHIVED"),
    ]  # fmt: skip


def test_what_kubeflow_says_of_tasks_is_told_by_step(there):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"][launched.id].update(
        state="RUNNING",
        run_details={
            "task_details": [
                task("root", "RUNNING"), task("load-driver", "SUCCEEDED"), task("load", "SUCCEEDED"),
                task("fit-one", "FAILED", error={"message": "it broke"}),
            ]
        },
    )  # fmt: skip
    status = one.status(launched)
    assert status.state == states.RUNNING
    assert [(each.step, each.state, each.reason) for each in status.tasks] == [
        ("load", states.DONE, ""), ("fit.one", states.FAILED, "it broke"),
    ]  # fmt: skip


def test_a_run_of_which_kubeflow_says_nothing_fails_by_its_own_task(there):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    details = [task("root-driver", "FAILED"), task("root", ""), task("dev-it-x2", "FAILED")]
    there.items["runs"][launched.id].update(state="FAILED", run_details={"task_details": details})
    status = one.status(launched)
    assert (status.state, status.reason) == (
        states.FAILED,
        "Kubeflow's own task root-driver failed, which prepares what runs; "
        "the log of its pod says why",
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("RUNTIME_STATE_UNSPECIFIED", states.WAITING), ("PENDING", states.WAITING),
        ("CANCELING", states.RUNNING), ("CANCELED", states.CANCELLED),
        ("SUCCEEDED", states.DONE), ("FAILED", states.FAILED), ("SOMETHING_NEW", states.RUNNING),
    ],
)  # fmt: skip
def test_states_of_a_run(there, state, expected):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"][launched.id]["state"] = state
    assert one.status(launched).state == expected


def test_a_run_that_is_gone_has_failed(there):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"].clear()
    status = one.status(launched)
    assert (status.state, status.is_over) == (states.FAILED, True)
    one.cancel(launched)


def test_a_run_that_is_over_isnt_ended_again(there):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"][launched.id]["state"] = "SUCCEEDED"
    one.cancel(launched)
    assert there.items["runs"][launched.id]["state"] == "SUCCEEDED"


def entries(*states: str) -> list[dict[str, str]]:
    return [{"update_time": "2026-01-01T00:00:00Z", "state": state} for state in states]


@pytest.mark.parametrize(
    ("history", "error", "expected"),
    [
        (("PENDING", "RUNNING", "CANCELING", "FAILED"), "", states.CANCELLED),
        (("RUNNING", "FAILED"), "Stopped with strategy 'Terminate'", states.CANCELLED),
        (("RUNNING", "FAILED"), "workflow shutdown with strategy:  Terminate", states.CANCELLED),
        (("RUNNING", "FAILED"), "it broke", states.FAILED),
        (("RUNNING", "CANCELING", "FAILED", "RUNNING", "FAILED"), "", states.FAILED),
        ((), "", states.FAILED),
    ],
)
def test_a_run_that_was_cancelled_in_kubeflow_ends_failed_there(there, history, error, expected):
    """As the API server and its persistence agent write it, 2.0 to 2.17."""
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"][launched.id].update(
        state="FAILED", state_history=entries(*history), error={"message": error}
    )
    assert one.status(launched).state == expected


def test_one_that_was_seen_to_be_cancelled_has_been_though_its_history_says_nothing(there):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    there.items["runs"][launched.id]["state"] = "CANCELING"
    assert one.status(launched).state == states.RUNNING
    there.items["runs"][launched.id].update(state="FAILED", state_history=entries("FAILED"))
    assert one.status(launched).state == states.CANCELLED


def test_a_second_cancellation_is_no_error(there, monkeypatch):
    one = launcher(there)
    launched = one.submit(PLAN, RUN)
    one.cancel(launched)
    one.cancel(launched)
    assert there.calls.count(("POST", f"/apis/v2beta1/runs/{launched.id}:terminate")) == 1
    real, asked = runs.run, iter([{"state": "RUNNING"}])

    def stale(api: Api, identity: str) -> runs.ServerRun | None:
        """Another has cancelled it between our question and our order."""
        found = real(api, identity)
        return replace(found, **next(asked, {}))

    monkeypatch.setattr(runs, "run", stale)
    one.cancel(launched)


def test_a_run_is_in_the_namespace_of_its_environment(there):
    there.multi_user = True
    one = replace(launcher(there), api=Api(there.url, namespace="team-a"))
    one.prepare(PLAN)
    launched = one.submit(PLAN, RUN)
    assert one.find(PLAN, RUN) == replace(launched, is_new=False)
    for kind in ("pipelines", "experiments", "runs"):
        assert [item["namespace"] for item in there.items[kind].values()] == ["team-a"], kind
    with pytest.raises(PlatformError, match="no namespace is named"):
        launcher(there).prepare(PLAN)


def test_pipelines_and_versions_that_were_renamed_in_the_page_are_found(there):
    first = launcher(there).submit(PLAN, RUN)
    for kind in ("pipelines", "versions"):
        for item in there.items[kind].values():
            item["display_name"] = "A friendly name"
    second = launcher(there).submit(PLAN, replace(RUN, id="training-2"))
    references = [there.items["runs"][one.id]["pipeline_version_reference"]
                  for one in (first, second)]  # fmt: skip
    assert references[0] == references[1]
    assert len(there.items["pipelines"]) == len(there.items["versions"]) == 1


def test_a_kubeflow_that_knows_one_name_only(there):
    there.release = "2.0.5"
    launcher(there).submit(PLAN, RUN)
    launcher(there).submit(PLAN, replace(RUN, id="training-2"))
    assert len(there.items["pipelines"]) == len(there.items["versions"]) == 1


def test_a_refusal_before_the_start_is_told_as_one(there):
    one = launcher(there)
    there.trouble = [(200, {}), (400, {"code": 3, "message": "Invalid input error: no"})]
    with pytest.raises(TargetError, match=r"T311: .*Invalid input error: no"):
        one.submit(PLAN, RUN)


def test_images_that_no_cluster_can_pull_are_refused(there):
    with pytest.raises(TargetError, match="I201: p: images not built: it:latest; `atlas build`"):
        launcher(there, "it:latest").prepare(PLAN)
    assert launcher(there).prepare(PLAN)[0] is PLAN


def test_what_kubeflow_refuses_is_told(there):
    one = launcher(there)
    one.submit(PLAN, RUN)
    answer, there.answer = there.answer, None

    def refuse(method: str, path: str, *rest: Any) -> Any:
        if (method, path) == ("POST", "/apis/v2beta1/runs"):
            return 400, {"code": 3, "message": "Invalid input error: it\nat api.go:1"}
        return answer(method, path, *rest)

    there.answer = refuse
    with pytest.raises(
        TargetError, match=r"T311: kubeflow at .*: status 400: Invalid input .* it$"
    ):
        one.submit(PLAN, replace(RUN, id="training-2"))


def published(fake: fake_kubeflow.FakeKubeflow) -> KubeflowLauncher:
    def none(_: Plan) -> Any:
        raise AssertionError("images are those of the version")

    return KubeflowLauncher(Api(fake.url), fake.store, none, published=True)


def test_a_plan_runs_as_the_version_that_was_published_of_it_whatever_came_since(there):
    newer = replace(PLAN, description="newer")
    for plan, image in ((PLAN, IMAGE), (newer, IMAGE.replace("1", "2"))):
        launcher(there, image).submit(
            plan, replace(RUN, id=f"training-{image[-1]}", plan=plan.digest)
        )
    one = published(there)
    assert one.prepare(PLAN)[0] == PLAN
    launched = one.submit(PLAN, replace(RUN, id="training-retraining-1"))
    run = there.items["runs"][launched.id]
    version = there.items["versions"][run["pipeline_version_reference"]["pipeline_version_id"]]
    assert version["description"] == f"plan: {PLAN.digest}"
    assert len(there.items["versions"]) == 2
    assert one.submit(PLAN, replace(RUN, id="training-retraining-1")).id == launched.id


def test_a_plan_that_has_no_version_any_more_is_refused(there):
    launcher(there).submit(PLAN, RUN)
    with pytest.raises(TargetError, match=r"T301: p-training: Kubeflow has no version of Plan"):
        published(there).prepare(replace(PLAN, description="another"))
    there.items["versions"].clear()
    with pytest.raises(TargetError, match="T301"):
        published(there).prepare(PLAN)
