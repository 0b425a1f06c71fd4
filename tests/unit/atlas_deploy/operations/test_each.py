"""Lists that commands hand on: which are read, what is refused, and what a command is made of."""

from __future__ import annotations

import json

import pytest

from atlas.errors import AtlasError, DeployError
from atlas_deploy.operations import each


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a list beside a folder `a`, and returns its file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()

    def write(entries: object):
        file = tmp_path / "list.json"
        file.write_text(json.dumps(entries))
        return file

    return write


def test_each_folder_counts_once(written):
    members = [{"folder": "a", "pipeline": f"a-{number}"} for number in (1, 2)]
    assert each.read_list(written(members)) == [each.Listed("a")]


def test_releases_are_those_that_a_command_has_made(written):
    output = [{"release": "release/a-2", "action": "made"}]
    assert each.read_list(written([{"folder": "a", "output": output}])) == [
        each.Listed("a", ("release/a-2",))
    ]


@pytest.mark.parametrize(
    "entries",
    [{"a": 1}, ["a"], [{}], [{"folder": 1}], [{"folder": "a", "output": [{"release": "--x"}]}],
     [{"folder": "a", "output": [{"release": 3}]}]],
    ids=["object", "text", "no folder", "number", "option", "no text"],
)  # fmt: skip
def test_what_is_no_list_is_refused(written, entries):
    with pytest.raises(AtlasError, match="isn't a list of pipelines"):
        each.read_list(written(entries))


@pytest.mark.parametrize("folder", ["b", "--env=production"])
def test_a_folder_that_isnt_there_or_would_be_an_option_is_refused(written, folder):
    with pytest.raises(AtlasError, match="no such folder"):
        each.read_list(written([{"folder": folder}]))


def test_a_file_that_isnt_there(tmp_path):
    with pytest.raises(AtlasError, match="can't be read"):
        each.read_list(tmp_path / "none.json")


@pytest.mark.parametrize("command", ["", "--env prod"])
def test_a_command_is_named(command):
    with pytest.raises(AtlasError, match="names no command"):
        each.each([each.Listed("a")], command, print, as_json=False)


def test_a_release_has_to_be_there_before_anything_runs():
    said: list[str] = []
    listed = [each.Listed("a", ("release/a-1",)), each.Listed("b")]
    with pytest.raises(AtlasError, match="b: the list has no release of it"):
        each.each(listed, "deploy --release {release}", said.append, as_json=True)
    assert said == []


def test_all_that_failed_are_named():
    called = [each.Called(folder, ("x",), code) for folder, code in (("a", 0), ("b", 1), ("c", 2))]
    with pytest.raises(DeployError, match="failed for 2 of the pipelines:\n  b: exit code 1\n  c"):
        each.require_all(called)
