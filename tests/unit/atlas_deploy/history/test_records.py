"""Records of deployments: by content, numbered, and only when something is new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.errors import DeployError, StoreError
from atlas.store import open_location
from atlas_deploy.desired.bundle import Part
from atlas_deploy.history import records
from atlas_deploy.history.records import DEPLOY, DESTROY, Record
from atlas_deploy.operations.deploy import _entry


@pytest.fixture
def place(tmp_path):
    return open_location(tmp_path.as_uri())


def record(plan: str, store: str = "file:///a") -> Record:
    inputs = {"owner": "p.local/training", "members": {"p": plan * 2}, "plans": {"p": plan}}
    return Record.of([Part("KubeflowPipelines", "training-kubeflow", {**inputs, "store": store})])


def test_a_record_says_nothing_of_where_the_platform_is():
    assert record("1", "file:///a") == record("1", "s3://b")
    assert record("1").digest != record("2").digest


KUBEFLOW = {"kubeflow": "http://old:8888", "namespace": "team-a", "credentials": "k"}


def test_another_address_of_kubeflow_is_nothing_new(place):
    plain = {"owner": "p.prod/training", "members": {"p": "1"}, "plans": {"p": "2"}}
    here = Part("KubeflowPipelines", "training-kubeflow", {**plain, **KUBEFLOW})
    there = replace(here, inputs={**plain, **KUBEFLOW, "kubeflow": "https://new"})
    first = records.add(place, "p.prod", DEPLOY, Record.of([here]))
    assert records.add(place, "p.prod", DEPLOY, Record.of([there])) is None
    read = records.read(place, first)
    assert records.is_of(read, [there])
    old = Record((here,))  # as an older Atlas wrote it, with the address in it
    assert records.is_of(old, [there])


def test_only_what_is_new_is_an_entry(place):
    first = records.add(place, "p.local", DEPLOY, record("1"), commit="c", champions={"m": "3"})
    assert (first.number, first.action, first.champions) == (1, DEPLOY, {"m": "3"})
    assert records.add(place, "p.local", DEPLOY, record("1")) is None
    second = records.add(place, "p.local", DEPLOY, record("2"))
    assert records.add(place, "p.local", DESTROY, None).number == 3
    assert records.add(place, "p.local", DESTROY, None) is None
    assert records.add(place, "p.local", DEPLOY, record("2")).number == 4
    entries = records.history(place, "p.local")
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert records.read(place, entries[1]) == record("2")
    assert entries[1] == second
    assert records.history(place, "other.local") == []


def test_a_number_is_never_given_twice(place):
    records.add(place, "p.local", DEPLOY, record("1"))
    place.write("deployments/history/p.local/000002.json", b"{}")
    place.remove("deployments/history/p.local/000002.json")
    assert records.add(place, "p.local", DEPLOY, record("2")).number == 2


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"parts": []}'])
def test_a_damaged_record_is_reported(place, damage):
    entry = records.add(place, "p.local", DEPLOY, record("1"))
    place.write(f"deployments/records/{entry.record}.json", damage)
    with pytest.raises(StoreError, match="record"):
        records.read(place, entry)


def test_which_entry_is_rolled_back_to(place):
    for text in ("1", "2", "1"):
        records.add(place, "p.local", DEPLOY, record(text))
    entries = records.history(place, "p.local")
    assert _entry("p.local", entries, 0).number == 2
    assert _entry("p.local", entries, 1).number == 1
    records.add(place, "p.local", DESTROY, None)
    assert _entry("p.local", records.history(place, "p.local"), 0).number == 3
    with pytest.raises(DeployError, match="no deployment 9; `atlas history` lists them: 1, 2, 3"):
        _entry("p.local", entries, 9)
    with pytest.raises(DeployError, match="nothing else was deployed before"):
        _entry("p.local", [], 0)
