"""Which folder is the project of a path, and what is wrong with its settings."""

import json
import os

import pytest

from atlas.environment import find_project
from atlas.errors import AtlasError, DocumentError, InvalidError
from atlas.load import load_environment
from tests.projects import project

__all__ = ["project"]


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


@pytest.mark.parametrize(
    "uri",
    [
        "s3://user:hunter2@bucket/rows.csv", "s3://user:hunter2/x@bucket", "s3://hunter2@bucket",
        "s3://user:hunt er2@bucket", "s3://user:p@hunter2@bucket", "s3://user:1/hunter2@bucket",
        f"s3://user:hunter2{'x' * 99}@bucket", "https://user:hunter2@host/rows", "s3://:hunter2@b",
    ],
)  # fmt: skip
def test_a_password_in_a_place_is_not_shown_by_the_message_that_refuses_it(project, uri):
    project.environment(data={"rows": {"uri": uri}}, stores=[uri])
    with pytest.raises(InvalidError) as caught:
        load_environment(find_project(project.root), "local")
    assert "S004" in str(caught.value)
    shown = f"{caught.value}{[problem.to_json() for problem in caught.value.problems]}"
    assert "hunt" not in shown


def test_no_error_has_the_password_of_a_url():
    error = AtlasError("registry http://me:hunter2@127.0.0.1:5000/v2: refuses; http://a:80/b@c")
    assert str(error) == "registry http://***@127.0.0.1:5000/v2: refuses; http://a:80/b@c"
