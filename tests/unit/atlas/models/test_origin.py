"""What a version was made from, as tags: data, images, the orchestrator's ids, whether git was clean."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from atlas.models.origin import origin_tags
from atlas.plan import Plan
from atlas.plan.parts import PlanData, PlanStep
from atlas.step.kfp import ids_in
from atlas.store import Run, Store, open_store
from atlas.store.orchestrated import ids_of, keep_run_ids, keep_version

PLAN = Plan(
    "p", "p", "p", "training", "p", "local", "local", (PlanStep("load", "s:L"), PlanStep("fit", "s:F")),
    data={"rows": PlanData(uri="file:///rows.parquet", version="7"), "other": PlanData(uri="s3://o")},
)  # fmt: skip
RUN = Run("training-1", "p", "training", PLAN.digest, commit="c" * 40)
READ = {"name": "rows", "action": "read", "sha256": "a" * 64}


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path / "store"))


def done(store: Store, step: str, **provenance: object) -> None:
    outcome = {"status": "done", "plan": PLAN.digest, "provenance": provenance}
    store.write_outcome("p", RUN.id, step, outcome, None)


def test_images_and_data_come_from_what_the_steps_recorded(store):
    done(store, "load", image="r/a@sha256:1", data=[READ, {**READ, "action": "written"}])
    done(store, "fit", image="r/b@sha256:2", data=[READ])
    tags = origin_tags(store, PLAN, RUN)
    assert json.loads(tags["atlas.images"]) == {"load": "r/a@sha256:1", "fit": "r/b@sha256:2"}
    rows, other = (json.loads(tags[f"atlas.data.{name}"]) for name in ("rows", "other"))
    assert rows == {"uri": "file:///rows.parquet", "version": "7", "sha256": "a" * 64}
    assert other == {"uri": "s3://o", "version": ""}


def test_data_that_changed_between_two_steps_has_both_digests(store):
    done(store, "load", data=[READ])
    done(store, "fit", data=[{**READ, "sha256": "b" * 64}])
    rows = json.loads(origin_tags(store, PLAN, RUN)["atlas.data.rows"])
    assert rows["sha256"] == ["a" * 64, "b" * 64]


@pytest.mark.parametrize(
    ("commit", "dirty"), [("c" * 40, "false"), (f"{'c' * 40}-dirty", "true"), ("", None)]
)
def test_whether_the_folder_was_as_it_was_committed(store, commit, dirty):
    assert origin_tags(store, PLAN, replace(RUN, commit=commit)).get("atlas.dirty") == dirty


def test_the_orchestrator_s_ids(store):
    keep_version(store.location, PLAN.digest, {"kubeflow.pipeline": "P", "kubeflow.version": "V"})
    assert ids_of(store.location, RUN) == {}, "a run on this machine is of no version there"
    given = {"inputs": {"parameterValues": {"run.job": "J", "run.id": ""}}}
    keep_run_ids(store.location, RUN, ids_in(json.dumps(given)))
    keep_run_ids(store.location, RUN, {"kubeflow.run": "another"})
    tags = origin_tags(store, PLAN, RUN)
    names = ("pipeline", "version", "run")
    assert [tags[f"atlas.kubeflow.{name}"] for name in names] == ["P", "V", "J"]


@pytest.mark.parametrize("content", [b"", b"[", b"[1]", b'{"kubeflow.run": 1}', b"\xff"])
def test_a_record_that_is_none_is_no_id(store, content):
    store.location.write(f"p/{RUN.id}/orchestrator.json", content)
    assert ids_of(store.location, RUN) == {}
