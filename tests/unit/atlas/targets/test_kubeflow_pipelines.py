"""Compiled packages as immutable versions in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import DeployError
from atlas.kinds import content, ownership
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.plan import Plan
from atlas.store import Run, open_store
from atlas.targets.kubeflow.resource import KubeflowPipelinesKind

KIND = Handler(KubeflowPipelinesKind())
CONTEXT = OperationContext("training-kubeflow")


def plan(code: str) -> Plan:
    return Plan(
        name="dev-p", pipeline="p", config="p", flow="training", recipe="r", environment="dev",
        target="kubeflow", steps=(), code=code,
    )  # fmt: skip


def package(of: Plan) -> bytes:
    return f"# Compiled by Atlas from Plan {of.digest}. Change the Recipe.\nx: 1\n".encode()


def inputs(folder: Path, **plans: Plan) -> dict:
    store = (folder / "store").as_uri()
    for each in plans.values():
        open_store(store).add_plan(each)
    return {
        "owner": "p.dev/training",
        "members": {name: content.put(store, package(each)) for name, each in plans.items()},
        "plans": {name: each.digest for name, each in plans.items()},
        "store": store,
    }


def versions(folder: Path, name: str) -> list[str]:
    return sorted(path.name for path in (folder / "store" / "kubeflow" / name).glob("*.yaml"))


def test_a_version_is_named_by_its_digest_and_reads_back(tmp_path):
    wanted = inputs(tmp_path, p=plan("a"))
    _, outputs = KIND.create(wanted, CONTEXT)
    (version,) = versions(tmp_path, "p")
    assert version == f"{wanted['members']['p']}.yaml"
    assert outputs["versions"]["p"].endswith(f"/kubeflow/p/{version}")
    live = KIND.read("x", {**wanted, **outputs}, CONTEXT)
    assert live.inputs == wanted
    assert KIND.preview(None, wanted) == outputs


def test_an_update_adds_a_version_and_deletes_none(tmp_path):
    state = inputs(tmp_path, p=plan("a"))
    KIND.create(state, CONTEXT)
    newer = inputs(tmp_path, p=plan("b"))
    KIND.update("x", state, newer, CONTEXT)
    assert len(versions(tmp_path, "p")) == 2
    assert KIND.read("x", state, CONTEXT).inputs["members"] == newer["members"]


@pytest.mark.parametrize("damage", ["pointer", "version", "content"])
def test_drift_is_found_and_repaired(tmp_path, damage):
    state = inputs(tmp_path, p=plan("a"), q=plan("b"))
    KIND.create(state, CONTEXT)
    folder = tmp_path / "store" / "kubeflow" / "p"
    (version,) = folder.glob("*.yaml")
    {
        "pointer": (folder / "current").unlink,
        "version": version.unlink,
        "content": lambda: version.write_text("by hand"),
    }[damage]()
    live = KIND.read("x", state, CONTEXT)
    assert [*KIND.diff(live.state, state).changes] == ['members["p"]', 'plans["p"]']
    KIND.update("x", live.state, state, CONTEXT)
    assert KIND.read("x", state, CONTEXT).inputs == state


def test_delete_keeps_the_versions_that_a_run_was_made_by(tmp_path):
    first, second = plan("a"), plan("b")
    state = inputs(tmp_path, p=first)
    KIND.create(state, CONTEXT)
    state = inputs(tmp_path, p=second)
    KIND.update("x", state, state, CONTEXT)
    store = open_store(state["store"])
    store.bind(Run("training-1", "dev-p", "training", first.digest))
    KIND.delete("x", state, CONTEXT)
    assert versions(tmp_path, "p") == [f"{content.digest_of(package(first))}.yaml"]
    assert KIND.read("x", state, CONTEXT) is None
    KIND.delete("x", state, CONTEXT)


def test_what_is_no_member_any_more_is_taken_back(tmp_path):
    state = inputs(tmp_path, p=plan("a"), q=plan("b"))
    KIND.create(state, CONTEXT)
    KIND.update("x", state, inputs(tmp_path, q=plan("b")), CONTEXT)
    assert versions(tmp_path, "p") == []
    assert ownership.owned(state["store"], "kubeflow", state["owner"]) == ["q"]


def test_repeating_a_killed_create_converges(tmp_path):
    wanted = inputs(tmp_path, p=plan("a"))
    ownership.take(wanted["store"], "kubeflow", ["p", "left-over"], wanted["owner"])
    KIND.create(wanted, CONTEXT)
    assert ownership.owned(wanted["store"], "kubeflow", wanted["owner"]) == ["p"]


def test_a_name_of_another_stack_is_refused(tmp_path):
    wanted = inputs(tmp_path, p=plan("a"))
    ownership.take(wanted["store"], "kubeflow", ["p"], "other.dev/training")
    with pytest.raises(DeployError, match=r"p: belongs to stack other\.dev/training"):
        KIND.create(wanted, CONTEXT)
