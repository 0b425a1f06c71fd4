"""Which folder is the project of a path, and what is wrong with its settings."""

import json
import os

import pytest

from atlas.environment import find_project
from atlas.errors import DocumentError


def test_a_copied_pipeline_finds_the_environments_beside_it(tmp_path, monkeypatch):
    pipeline = tmp_path / "tumour"
    pipeline.mkdir()
    (tmp_path / "environments").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_project(pipeline).root == tmp_path


def test_without_environments_a_pipelines_own_folder_is_the_project(tmp_path, monkeypatch):
    pipeline = tmp_path / "tumour"
    (pipeline / "configs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_project(pipeline / "configs" / "one.json").root == pipeline


def test_environments_elsewhere_are_not_taken(tmp_path, monkeypatch):
    (tmp_path / "here" / "environments").mkdir(parents=True)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert find_project(tmp_path / "there").root == tmp_path / "there"


def test_a_setting_of_any_name_is_told_in_one_short_line(tmp_path):
    name = "sta\\u0007" + "9" * 5000
    (tmp_path / "pyproject.toml").write_text(f'[tool.atlas]\n"{name}" = 1\n')
    with pytest.raises(DocumentError) as told:
        find_project(tmp_path)
    message = str(told.value)
    assert "error P002: tool.atlas.sta?999" in message
    assert message.isprintable()
    assert len(message) < 400


def test_a_mark_of_byte_order_before_the_settings_is_no_matter(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\nstate = 'here'\n", "utf-8-sig")
    assert find_project(tmp_path).state == tmp_path / "here"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to give files away")
def test_a_project_that_another_user_put_above_a_folder_is_none(tmp_path, monkeypatch):
    monkeypatch.delenv("ATLAS_STATE", raising=False)
    file, mine = tmp_path / "pyproject.toml", tmp_path / "mine"
    mine.mkdir()
    (tmp_path / ".atlas").mkdir()
    file.write_text('[tool.atlas]\nid = "theirs"\n')
    monkeypatch.chdir(mine)
    assert find_project(mine).id == "theirs"
    os.chown(file, 65534, 65534)
    os.chown(tmp_path / ".atlas", 65534, 65534)
    found = find_project(mine)
    assert (found.id, found.state) == ("", mine / ".atlas")
    os.chown(mine, 65534, 65534)
    assert find_project(mine).id == "theirs", "root works in that user's project"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", {"rows": {"uri": "s3://user:password@bucket/rows.csv"}}),
        ("data", {"rows": {"uri": "s3://user@bucket"}}),
        ("stores", ["s3://user:password@bucket/atlas"]),
    ],
)
def test_no_place_is_named_with_a_password_in_it(field, value):
    """A Plan keeps places, and shows them."""
    import jsonschema_rs

    from atlas.load import schema_text

    schema = jsonschema_rs.validator_for(json.loads(schema_text("environment")))
    assert not schema.is_valid({"version": 1, field: value})
    text = json.dumps(value).replace("user:password@", "").replace("user@", "")
    assert schema.is_valid({"version": 1, field: json.loads(text)})
