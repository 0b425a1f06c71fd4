"""Deployments to a real API server: repeated, changed, damaged, taken back, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.targets.kubeflow.server import Api, runs
from atlas.targets.kubeflow.server import pipelines as of
from atlas.targets.kubeflow.server.schedules import delete_recurring, recurring_runs
from tests.kubeflow.deploying import CONTEXT, KIND, live, there, wanted
from tests.kubeflow.server import KubeflowServer

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(900)]
DAILY = "0 6 * * *"


@pytest.fixture
def api(kubeflow: KubeflowServer) -> Api:
    return Api(kubeflow.url)


def test_a_repeat_changes_nothing_and_a_rollback_adds_nothing(
    api: Api, kubeflow: KubeflowServer, tmp_path: Path
) -> None:
    first = wanted(kubeflow.url, tmp_path, {"repeat": DAILY}, repeat="a")
    identity, outputs = KIND.create(first, CONTEXT)
    state = {**first, **outputs}
    before = there(api, "repeat")
    assert before == {"repeat": [[first["members"]["repeat"]], ["0 0 6 * * *"], 0]}
    assert {**first, **KIND.update(identity, state, first, CONTEXT)} == state
    assert live(identity, state).inputs == first
    second = wanted(kubeflow.url, tmp_path, {"repeat": DAILY}, repeat="b")
    state = {**second, **KIND.update(identity, state, second, CONTEXT)}
    both = sorted([first["members"]["repeat"], second["members"]["repeat"]])
    assert there(api, "repeat")["repeat"][:2] == [both, ["0 0 6 * * *"]]
    state = {**first, **KIND.update(identity, state, first, CONTEXT)}
    assert there(api, "repeat")["repeat"][:2] == [both, ["0 0 6 * * *"]]
    assert live(identity, state).inputs["members"] == first["members"]


@pytest.mark.parametrize("damage", ["version", "schedule", "paused"])
def test_drift_is_found_and_mended(
    api: Api, kubeflow: KubeflowServer, tmp_path: Path, damage: str
) -> None:
    name = f"drift-{damage}"
    desired = wanted(kubeflow.url, tmp_path, {name: DAILY}, **{name: "a"})
    identity, outputs = KIND.create(desired, CONTEXT)
    state = {**desired, **outputs}
    (recurring,) = (run for run in recurring_runs(api, name) if run.name == name)
    if damage == "version":
        pipeline = of.pipelines(api, [name])[name]
        for version in of.versions(api, pipeline):
            of.delete_version(api, version)
        assert KIND.read(identity, state, CONTEXT) is None
        KIND.create(desired, CONTEXT)
    elif damage == "schedule":
        delete_recurring(api, recurring.id)
        found = live(identity, state)
        assert [*KIND.diff(found.state, desired).changes] == [f'schedules["{name}"]']
        KIND.update(identity, found.state, desired, CONTEXT)
    else:
        api.order(f"recurringruns/{recurring.id}:disable")
        found = live(identity, state)
        assert found.state["held"] == [name]
        assert KIND.diff(found.state, desired).changes == {}
    assert live(identity, state).inputs == desired


def test_what_no_run_was_made_by_is_taken_back(
    api: Api, kubeflow: KubeflowServer, tmp_path: Path
) -> None:
    desired = wanted(kubeflow.url, tmp_path, {"gone": DAILY}, gone="a")
    identity, outputs = KIND.create(desired, CONTEXT)
    KIND.delete(identity, {**desired, **outputs}, CONTEXT)
    assert there(api, "gone") == {}
    assert [run for run in recurring_runs(api, "gone") if run.name == "gone"] == []
    KIND.delete(identity, {**desired, **outputs}, CONTEXT)
    KIND.create(desired, CONTEXT)
    assert len(there(api, "gone")["gone"][0]) == 1


def test_what_is_others_is_refused_and_left(
    api: Api, kubeflow: KubeflowServer, tmp_path: Path
) -> None:
    of.add_pipeline(api, "others", "somebody's")
    desired = wanted(kubeflow.url, tmp_path, {}, others="a")
    with pytest.raises(DeployError, match=r"others: .* a pipeline of this name that Atlas didn't"):
        KIND.create(desired, CONTEXT)
    assert there(api, "others") == {"others": [[], [], 0]}


def test_a_package_that_is_none_is_refused_with_the_servers_reason(api: Api) -> None:
    pipeline = of.add_pipeline(api, "no-package", "it")
    refused = r"pipelines/upload_version: status [45]00: (Failed to|unknown template format)"
    with pytest.raises(PlatformError, match=refused):
        of.add_version(api, pipeline, "c" * 64, b"x: 1\n", "plan: it")
    assert of.versions(api, pipeline) == []


def test_a_run_of_what_is_gone_is_refused(
    api: Api, kubeflow: KubeflowServer, tmp_path: Path
) -> None:
    KIND.create(wanted(kubeflow.url, tmp_path, {}, lost="a"), CONTEXT)
    (version,) = of.versions(api, of.pipelines(api, ["lost"])["lost"])
    of.delete_version(api, version)
    experiment = runs.experiment(api, "lost", "It.")
    with pytest.raises(PlatformError, match=r"kubeflow at .*: runs: status [45]0"):
        runs.start(api, version, experiment, "lost-1", {})
    assert runs.runs_named(api, experiment, "lost-1") == []


def test_many_lists_are_read_to_their_end(api: Api) -> None:
    names = [f"many-{number:03}" for number in range(205)]
    for name in names:
        of.add_pipeline(api, name, "it")
    assert [*of.pipelines(api, names)] == [*of.pipelines(api, [*reversed(names)])]
    assert {*of.pipelines(api, names)} == {*names}
