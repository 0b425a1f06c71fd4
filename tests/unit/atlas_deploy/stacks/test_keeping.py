"""New stacks in files, made without the engine."""

from __future__ import annotations

import json

from atlas_deploy.stacks.keeping import Files


def test_a_stack_in_a_new_folder_is_made_as_the_engine_would(tmp_path):
    kept = Files(tmp_path / ".pulumi")
    assert kept.make("probe", "a")
    assert (tmp_path / ".pulumi" / "meta.yaml").read_text() == "version: 1\n"
    assert json.loads(kept.file("probe", "a").read_text()) == {
        "version": 3,
        "checkpoint": {"stack": "organization/probe/a", "latest": None},
    }
    assert kept.names("probe") == ["a"]


def test_a_folder_of_an_older_layout_is_left_to_the_engine(tmp_path):
    old = tmp_path / ".pulumi" / "stacks" / "other.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    kept = Files(tmp_path / ".pulumi")
    assert not kept.make("probe", "a")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [old]


def test_a_stack_that_is_there_is_left_as_it_is(tmp_path):
    kept = Files(tmp_path / ".pulumi")
    kept.make("probe", "a")
    kept.file("probe", "a").write_text("{}")
    assert kept.make("probe", "a")
    assert kept.file("probe", "a").read_text() == "{}"
