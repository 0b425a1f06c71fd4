"""The outbox: what is kept of runs that MLflow doesn't know yet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.processes import own
from atlas.tracking.outbox import Outbox, Pending, outbox_in

ONE = Pending("file:///store", "p", "training-1")


def test_adding_finding_removing(tmp_path):
    outbox = Outbox(tmp_path)
    outbox.add(ONE)
    outbox.add(replace(ONE, problem="no"))
    assert list(outbox.pending()) == [replace(ONE, problem="no")]
    outbox.remove(ONE)
    outbox.remove(ONE)
    assert outbox.find(ONE) is None
    assert list(outbox.pending()) == []


@pytest.mark.parametrize("content", [
    "", "{", "[]", "null", "{}", '{"store": 1, "pipeline": "p", "run": "training-1"}', "[" * 99999,
    '{"store": "s", "pipeline": "../x", "run": "training-1"}', "\0",
])  # fmt: skip
def test_what_is_no_entry_is_passed_over(tmp_path, content):
    outbox = Outbox(tmp_path)
    outbox.add(replace(ONE, run="training-2"))
    (tmp_path / "p@training-1.json").write_text(content)
    assert [one.run for one in outbox.pending()] == ["training-2"]
    assert outbox.unreadable() == ["p@training-1.json"]


def test_what_an_earlier_version_left_is_taken_over(tmp_path: Path):
    former = tmp_path / "spool"
    former.mkdir()
    old = {
        "store": "file:///store",
        "pipeline": "p",
        "run": "training-1",
        "parent": "",
        "process": "",
    }
    (former / "p@training-1.json").write_text(json.dumps(old))
    (former / "p@training-2.json").write_text(json.dumps({**old, "run": "training-2"}))
    Outbox(tmp_path / "outbox").add(replace(ONE, run="training-2", problem="newer"))
    found = {one.run: one for one in outbox_in(tmp_path).pending()}
    assert found == {
        "training-1": ONE,
        "training-2": replace(ONE, run="training-2", problem="newer"),
    }
    assert not former.exists()
    assert len([*outbox_in(tmp_path).pending()]) == 2


def test_a_run_of_this_process_is_running(tmp_path):
    assert replace(ONE, process=str(own())).is_running
    assert not replace(ONE, process=f"{own()}0").is_running
    assert not ONE.is_running
