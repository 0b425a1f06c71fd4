"""Artifacts are whole and verified, or they aren't there; Plans and runs are what was written."""

from __future__ import annotations

import json

import pytest

from atlas.errors import StoreError
from atlas.plan import Plan, PlanStep
from atlas.store import ModelPart, ModelVersion, Run, add_code, code_folder
from atlas.store.keys import RESERVED

PLAN = Plan("p", "p", "p", "training", "r", "local", "local", (PlanStep("s", "steps:S"),))
RUN = Run(
    "training-1", "p", "training", PLAN.digest, parameters={"a": 1},
    model=ModelVersion("m", "3", {"part": ModelPart("file:///x", "0" * 64)}), upstream={"x": "y"},
)  # fmt: skip


def test_a_manifest_comes_last(store):
    manifest = store.put("p", "r", "s", "o", [1])
    store.location.remove("p/r/s/o/manifest.json")
    with pytest.raises(StoreError, match="only half written"):
        store.get("p", "r", "s", "o")
    assert store.location.exists(manifest.data)


def test_writing_again_takes_the_manifest_away_first(store, monkeypatch):
    store.put("p", "r", "s", "o", [1])

    def fail(*_):
        raise StoreError("stop")

    monkeypatch.setattr("atlas.store.store.encode", fail)
    with pytest.raises(StoreError, match="stop"):
        store.put("p", "r", "s", "o", [2])
    with pytest.raises(StoreError, match="half written"):
        store.get("p", "r", "s", "o")


def test_changed_bytes_are_corrupt(store):
    manifest = store.put("p", "r", "s", "o", [1])
    store.location.write(manifest.data, b"[2]")
    with pytest.raises(StoreError, match="its sha256 isn't"):
        store.get("p", "r", "s", "o")
    store.location.write(manifest.data, b"[2, 3]")
    with pytest.raises(StoreError, match="found 6 bytes, expected 3"):
        store.get("p", "r", "s", "o")
    store.location.remove(manifest.data)
    with pytest.raises(StoreError, match="data is gone"):
        store.get("p", "r", "s", "o")


def test_a_broken_manifest(store):
    store.put("p", "r", "s", "o", [1])
    for text in (b"{", b"[]", b'{"a": 1}'):
        store.location.write("p/r/s/o/manifest.json", text)
        with pytest.raises(StoreError, match="isn't a manifest"):
            store.get("p", "r", "s", "o")


def test_referring_shares_the_bytes(store):
    manifest = store.put("p", "r1", "s", "o", [1])
    store.refer("p", "r2", "s", "o", manifest)
    assert store.get("p", "r2", "s", "o") == [1]
    assert store.manifest("p", "r2", "s", "o").data == manifest.data
    assert store.has(manifest)
    store.location.remove(manifest.data)
    assert not store.has(manifest)


def test_keys_are_apart(store):
    for index in range(3):
        store.put("p", "r", "s", "o", index, index=index)
    assert [store.get("p", "r", "s", "o", index=index) for index in range(3)] == [0, 1, 2]


def test_plans(store):
    store.add_plan(PLAN)
    assert store.plan(PLAN.digest) == PLAN
    store.location.write(f"plans/{PLAN.digest}.json", b"{}")
    with pytest.raises(StoreError, match="isn't the Plan of its name"):
        store.plan(PLAN.digest)
    with pytest.raises(StoreError, match="no such Plan"):
        store.plan("0" * 64)


def test_a_run_is_bound_once(store):
    from dataclasses import replace

    assert store.bind(RUN) == RUN
    assert store.bind(replace(RUN, parameters={"a": 2})) == RUN
    assert store.run("p", "training-1") == RUN
    assert store.runs("p") == ["training-1"]
    assert store.pipelines() == ["p"]


def test_a_run_under_another_plan_takes_its_place(store):
    from dataclasses import replace

    store.bind(RUN)
    other = replace(RUN, plan="f" * 64, parameters={"a": 2})
    assert store.rebind(other) == other
    assert store.rebind(replace(other, parameters={"a": 3})) == other
    assert store.run("p", "training-1") == other


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", "x" * 300, " a", *RESERVED])
def test_names_that_would_leave_their_folder(store, name):
    with pytest.raises(StoreError, match="no run can be called"):
        store.put(name, "r", "s", "o", 1)


def test_no_such_run(store):
    with pytest.raises(StoreError, match="no such run"):
        store.run("p", "r")
    store.location.write("p/r/run.json", b"{}")
    with pytest.raises(StoreError, match="isn't a run's record"):
        store.run("p", "r")


def test_outcomes(store):
    assert store.outcome("p", "r", "s") is None
    store.write_outcome("p", "r", "s", {"status": "done"}, None)
    assert store.outcome("p", "r", "s") == {"status": "done"}
    store.location.write("p/r/s/outcome.json", b"{")
    assert store.outcome("p", "r", "s") is None


def test_code_snapshots(store, tmp_path):
    from atlas.plan import code_digest

    folder = tmp_path / "p"
    (folder / "tests").mkdir(parents=True)
    (folder / "steps.py").write_text("x = 1\n")
    (folder / "tests" / "test_steps.py").write_text("")
    digest = code_digest(folder)
    add_code(store, folder, digest)
    add_code(store, folder, digest)
    kept = code_folder(store, digest)
    assert [file.name for file in kept.iterdir()] == ["steps.py"]
    (folder / "steps.py").write_text("x = 2\n")
    assert (kept / "steps.py").read_text() == "x = 1\n"
    with pytest.raises(StoreError, match="has changed since"):
        add_code(store, folder, "0" * 64)
    (kept / "steps.py").write_text("x = 3\n")
    with pytest.raises(StoreError, match="isn't the code of its name"):
        code_folder(store, digest)
    with pytest.raises(StoreError, match="no such code"):
        code_folder(store, "1" * 64)


def test_a_run_s_record_is_plain_json(store):
    assert json.loads(json.dumps(RUN.to_json()))["version"] == 1
    assert Run.from_json(RUN.to_json()) == RUN
