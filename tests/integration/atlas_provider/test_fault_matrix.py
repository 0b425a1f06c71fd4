"""Killed before and after every call that it makes, every operation converges when it is repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from atlas.http.service import Patience
from atlas.targets.airflow import api as airflow_api
from atlas.targets.airflow import dag_removal, rollout
from atlas_provider import running
from atlas_provider.kinds import KINDS
from tests.integration.atlas_provider import recording
from tests.integration.atlas_provider.faults import Killed, killing
from tests.integration.atlas_provider.rigs import (
    CONTEXT,
    Dags,
    Databases,
    Images,
    Models,
    Monitors,
    Numbers,
    Packages,
    Processes,
    Rules,
    Versions,
    rigs_in,
)
from tests.servers import registry_server

__all__ = ["registry_server"]

# Whoever is killed waits for none of its children.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

RIGS = [
    Dags, Databases, Images, Models, Monitors, Numbers, Packages, Processes, Rules, Versions
]  # fmt: skip
OLD, NEW = {"a": "11", "gone": "99"}, {"a": "12", "b": "22"}
NEVER = 10**6


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "_PATIENCE", Patience(0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(dag_removal, "_READ_SECONDS", 0.1)
    monkeypatch.setattr(rollout, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(dag_removal, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(running, "_POLL_SECONDS", 0.02)


@pytest.fixture(autouse=True)
def registered(request: pytest.FixtureRequest) -> None:
    """Give images their registry, where a test is of them."""
    if "Images" in request.node.name:
        Images.registry = request.getfixturevalue("registry_server")


@pytest.fixture
def rigs(tmp_path: Path):
    yield from rigs_in(tmp_path)


def create(rig: Any) -> Callable[[], Any]:
    wanted = rig.inputs(**NEW)
    return lambda: rig.kind.create(wanted, CONTEXT)


def update(rig: Any) -> Callable[[], Any]:
    old, wanted = rig.inputs(**OLD), rig.inputs(**NEW)
    identity, outputs = rig.kind.create(old, CONTEXT)
    return lambda: rig.kind.update(identity, {**old, **outputs}, wanted, CONTEXT)


def delete(rig: Any) -> Callable[[], Any]:
    old = rig.inputs(**OLD)
    identity, outputs = rig.kind.create(old, CONTEXT)
    return lambda: rig.kind.delete(identity, {**old, **outputs}, CONTEXT)


def read(rig: Any) -> Callable[[], Any]:
    old = rig.inputs(**OLD)
    identity, outputs = rig.kind.create(old, CONTEXT)
    state = {**old, **outputs}
    return lambda: rig.kind.read(identity, state, CONTEXT).state == state or pytest.fail("drift")


def expected(make: type, operation: Callable[..., Any]) -> dict[str, str]:
    """Return what there should be at an operation's end; models and databases outlive a delete."""
    if make is Numbers:
        return {}
    if operation is read:
        return OLD if make is not Processes else {"a": "11", "gone": "x"}
    if make is Models:
        kept = {} if operation is create else OLD
        return {**kept, **({} if operation is delete else NEW)}
    if operation is delete:
        return OLD if make is Databases else {}
    return NEW if make is not Processes else {"a": "12", "b": "x"}


def test_every_kind_is_in_the_matrix():
    assert {type(of.kind) for of in KINDS.values()} == {type(make.kind.kind) for make in RIGS}


@pytest.mark.parametrize("make", RIGS)
def test_every_rig_is_recorded(rigs, make, tmp_path, request):
    """One that is new is recorded with --update-golden; one that is there is never changed."""
    if request.config.getoption("--update-golden") and make.__name__ not in recording.recorded():
        recording.record(rigs(make), tmp_path / "0", OLD)
    assert make.__name__ in recording.recorded(), "record it: pytest --update-golden"


def cases() -> Iterator[Any]:
    """Yield each kind with each operation; those that wait for servers at each call are long."""
    slow = {(Processes, update), (Processes, delete), (Databases, update), (Databases, delete)}
    for make, operation in product(RIGS, (create, update, delete, read)):
        marks = [pytest.mark.long] if (make, operation) in slow else []
        name = f"{make.__name__}-{operation.__name__}"
        yield pytest.param(make, operation, marks=marks, id=name)


@pytest.mark.parametrize(("make", "operation"), list(cases()))
def test_a_killed_operation_converges_when_it_is_repeated(rigs, make, operation):
    rig = rigs(make)
    run = operation(rig)
    with killing(NEVER, after=False) as counted:
        run()
    assert rig.there() == expected(make, operation)
    for at in range(counted.count):
        # A supervisor takes a second each time: there, after one call is before the next.
        for after in (False,) if make is Processes else (False, True):
            rig = rigs(make)
            run = operation(rig)
            with killing(at, after=after) as killer, suppress(Killed):
                run()
            run()
            assert rig.there() == expected(make, operation), (at, after, killer.names[-1:])


@pytest.mark.parametrize("make", [Dags, Packages, Rules, Versions, Images])
def test_a_killed_create_that_nobody_wants_any_more_leaves_nothing(rigs, make):
    """Pulumi knows of no resource then: what `atlas destroy` removes, it finds by its owner."""
    rig = rigs(make)
    run = create(rig)
    with killing(NEVER, after=False) as counted:
        run()
    for at in range(counted.count):
        rig = rigs(make)
        run = create(rig)
        with killing(at, after=True), suppress(Killed):
            run()
        nothing = {**rig.inputs(**NEW), "members": {}, "plans": {}}
        rig.kind.delete("it", nothing, CONTEXT)
        assert rig.there() == {}, at
