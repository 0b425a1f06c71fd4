"""What MLflow's one process does while it imports, and what it ends afterwards."""

from __future__ import annotations

import gc
from importlib import metadata

import pytest

from atlas.tracking import one_process


@pytest.fixture
def collecting():
    yield
    gc.enable()
    gc.unfreeze()


def test_garbage_is_collected_again_and_not_in_what_was_imported(collecting):
    before = gc.get_freeze_count()
    gc.disable()
    one_process.settle()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before


def test_a_process_that_collects_garbage_already_is_left_as_it_is(collecting):
    before = gc.get_freeze_count()
    one_process.settle()
    assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_entry_points_that_are_read_once_are_the_same(monkeypatch):
    asked = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", asked)
    one_process._read_entry_points_once()
    for wanted in (
        {"group": "mlflow.app"},
        {"group": "mlflow.app", "name": "atlas"},
        {"group": "-"},
    ):
        assert [*metadata.entry_points(**wanted)] == [*asked(**wanted)]
    assert "mlflow.app" in metadata.entry_points().groups
