"""Listing and pruning: what is referred to stays, whoever refers to it."""

from __future__ import annotations

import pytest

from atlas.images import (
    Built,
    desired_images,
    list_images,
    plan_pruning,
    prune,
    records,
    referenced,
    run_in,
)
from atlas.images.content import atlas_digest
from atlas.images.records import write_record
from atlas.plan import Plan, resolve
from atlas.store import Run


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def image(number: int, repository: str = "atlas/words/base", **more: str) -> Built:
    facts = {"digest": digest(number), "created": f"2026-01-{number:02}", "environment": "e"}
    return Built(repository=repository, tag=f"{number:016x}", **{**facts, **more})


@pytest.fixture
def ten(store):
    for number in range(1, 11):
        write_record(store, image(number, sbom=f"images/atlas/words/base/{number:016x}.cdx.json"))
        store.location.write(f"images/atlas/words/base/{number:016x}.cdx.json", b"{}")
    return store


def doomed(pruning):
    return sorted(int(one.tag, 16) for one in pruning.doomed)


def test_the_newest_stay(ten):
    assert doomed(plan_pruning(ten, set(), keep=3)) == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_wanted_or_referred_to_stays(ten):
    found = plan_pruning(ten, {digest(2)}, desired=[image(4).name], keep=1)
    assert doomed(found) == [1, 3, 5, 6, 7, 8, 9]


def test_two_tags_of_one_image_go_together(ten):
    write_record(ten, image(20, digest=digest(3), created="2026-02-01"))
    assert 3 not in doomed(plan_pruning(ten, set(), keep=1))


def test_repositories_do_not_count_together(ten):
    write_record(ten, image(1, repository="atlas/words/trees"))
    found = plan_pruning(ten, set(), keep=1)
    assert "atlas/words/trees" not in {one.repository for one in found.doomed}


def test_pruning_removes_from_everywhere_and_a_repeat_finds_nothing(ten, builder, registry):
    gone = []
    registry.delete = lambda repository, digest: gone.append((repository, digest))
    pruning = plan_pruning(ten, {digest(2)}, keep=1)
    prune(pruning, ten, registry, builder, lambda _: None)
    assert ("atlas/words/base", digest(1)) in gone
    assert ("atlas/words/base", digest(2)) not in gone
    assert sorted(int(one.tag, 16) for one in records(ten)) == [2, 10]
    assert f"localhost/{image(1).name}" in builder.removed
    left = {name for name in ten.location.names("images/atlas/words/base") if "cdx" in name}
    assert len(left) == 2
    assert plan_pruning(ten, {digest(2)}, keep=1).doomed == ()


def test_lower_layers_go_with_their_last_image(ten, builder, registry):
    write_record(ten, image(1, environment="old"))
    pruning = plan_pruning(ten, set(), keep=1)
    assert pruning.environments == ("old",)
    prune(pruning, ten, None, builder, lambda _: None)
    assert "localhost/atlas/environment:old" in builder.removed


def test_what_deployments_name_is_referred_to(store, tmp_path):
    store.location.write("deployments/content/x", f"image: h/atlas/x@{digest(1)}\n".encode())
    store.location.write("deployments/words.json", f'{{"images": ["{digest(2)}"]}}'.encode())
    store.location.write("kubeflow/packages/y.yaml", f"image: '{digest(3)}'".encode())
    store.location.write("words/run/log.txt", digest(4).encode())
    assert referenced(store, tmp_path) == {digest(1), digest(2), digest(3)}


def test_images_of_runs_on_an_orchestrator_stay(store):
    for number, target in ((1, "kubeflow"), (2, "local"), (3, "airflow")):
        plan = Plan("p", "p", "p", "training", "r", "e", target, (), code=str(number))
        store.add_plan(plan)
        store.bind(Run(f"training-{number}", "p", "training", plan.digest))
        write_record(store, image(number, code=str(number)))
    write_record(store, image(4, code="of no run"))
    store.bind(Run("training-4", "p", "training", "of a Plan that is gone"))
    assert run_in(store) == {digest(1), digest(3)}


def test_no_git_and_no_store_yet(store, tmp_path):
    assert referenced(store, tmp_path) == set()


def test_a_listing(pipeline, store):
    (one,) = resolve(pipeline.root)
    wanted = desired_images([one])
    base, trees = wanted
    facts = {
        "base": base.base,
        "environment": base.environment,
        "package": atlas_digest(),
        "code": base.code,
    }
    now = Built(repository=base.repository, tag=base.tag, digest=digest(1), created="2", **facts)
    write_record(store, now)
    facts["code"], facts["environment"] = "other", trees.environment
    write_record(store, image(2, repository=trees.repository, **facts))
    write_record(store, image(3))
    found = {one.name: one for one in list_images(wanted, store, {digest(3)})}
    assert found[base.full].state == "pushed"
    assert not found[base.full].deployed
    assert found[trees.full].state == "not built"
    assert found[trees.full].changes == ("code",)
    assert found[image(3).name].deployed
    assert not found[image(3).name].desired
    assert len(found) == 3
    assert found[base.full].to_json()["image"]["digest"] == digest(1)


def test_a_record_of_another_version_or_a_broken_one(store):
    store.location.write("images/atlas/x/y/1.json", b'{"repository": "r", "tag": "1", "new": 1}')
    store.location.write("images/atlas/x/y/2.json", b"{")
    store.location.write("images/atlas/x/y/3.json", b"[]")
    assert [one.tag for one in records(store)] == ["1"]
