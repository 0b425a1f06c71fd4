"""A release's lock: what is written is read back, and anything else is refused with its place."""

from __future__ import annotations

import json

import pytest

from atlas.errors import DeployError
from atlas_deploy.releases.lock import LockedImage, LockedModel, ReleaseLock, parse
from atlas_deploy.releases.tags import branch_of, full_name, name_of, parsed_name

DIGEST = "a" * 64


def lock(**changes) -> ReleaseLock:
    fields = {
        "release": "release/prices-3",
        "config": "prices",
        "project": ".",
        "path": "prices/config.json",
        "commit": "b" * 40,
        "atlas": "1.0",
        "environment": "prod",
        "plans": {"prod": {"prices": {"training": DIGEST, "inference": "c" * 64}}},
        "images": {
            "training/base": LockedImage(f"atlas/prices/base@sha256:{DIGEST}", "t1", DIGEST),
            "inference/default": LockedImage(f"atlas/prices/default@sha256:{DIGEST}", "t2"),
        },
        "models": {"prices": LockedModel("prices", "3", DIGEST)},
    }
    return ReleaseLock(**{**fields, **changes})


def edited(**changes) -> str:
    return json.dumps({**lock().to_json(), **changes})


def test_what_is_written_is_read_back():
    assert parse(lock().text, "here") == lock()
    assert parse(lock(images={}, models={}).text, "here") == lock(images={}, models={})


def test_equal_locks_give_equal_bytes():
    images = dict(reversed(lock().images.items()))
    assert lock(images=images).text == lock().text


def test_locks_are_compared_without_their_names():
    assert lock().is_same_but_for_name(lock(release="release/prices-4"))
    assert not lock().is_same_but_for_name(lock(atlas="1.1"))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "isn't JSON"),
        ("[]", "object"),
        ('{"version": 1}', "release"),
        (edited(version=2), "version"),
        (edited(more=1), "more"),
        (edited(commit="main"), "commit"),
        (edited(commit="b" * 40 + "\n"), "commit"),
        (edited(path="/etc/passwd"), "path"),
        (edited(path="a/../../b"), "path"),
        (edited(project=".."), "project"),
        (edited(project="--all"), "project"),
        (edited(plans={}), "plans"),
        (edited(plans={"prod": {"prices": {"scoring": DIGEST}}}), "scoring"),
        (edited(plans={"prod": {"prices": {"training": "x"}}}), "training"),
        (edited(images={"a": {"reference": "host:5000/a@sha256:1", "tag": "t"}}), "reference"),
        (edited(images={"a": {"reference": f"a@sha256:{DIGEST}", "tag": "-t"}}), "tag"),
        (edited(models={"prices": {"name": "prices", "version": 3, "digest": DIGEST}}), "version"),
        (lock().text.replace('"atlas": "1.0"', '"atlas": "1.0", "atlas": "2.0"'), "twice"),
        ("[" * 10_000, "nested"),
    ],
)
def test_anything_else_is_refused_with_its_place(text, where):
    with pytest.raises(DeployError) as refused:
        parse(text, "release/prices-3:release.lock.json")
    assert refused.value.code == "L009"
    assert "release/prices-3:release.lock.json" in str(refused.value)
    assert where in str(refused.value)


def test_names():
    assert name_of("a-2", 1) == "release/a-2-1"
    assert parsed_name("release/a-2-1") == ("a-2", 1)
    assert parsed_name("release/a-2") == ("a", 2)
    assert full_name("a-2") == full_name("release/a-2") == "release/a-2"
    assert branch_of("release/a-2") == "refs/heads/releases/a-2"
    for wrong in ("release/a", "release/a-0", "release/a-01", "release/-", "a-1", "release/a-1x"):
        assert parsed_name(wrong) is None
