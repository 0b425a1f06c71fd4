"""A new pipeline and project: complete, repeatable, and never over what is there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.environment import find_project
from atlas.errors import AtlasError, DocumentError, InvalidError
from atlas.load import SCHEMAS, schema_text
from atlas.plan import resolve
from atlas.scaffold import files, refresh_schemas, start
from atlas.validate import check

writing = sys.modules["atlas.scaffold.start"]
NEW_ID = writing._new_id


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(writing, "_new_id", lambda name: f"{name}-1")
    return


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check(folder).problems]


def test_an_empty_folder_becomes_a_project_with_a_pipeline(tmp_path: Path) -> None:
    folder = tmp_path / "houses"
    started = start(folder)
    assert (started.name, started.folder, started.new_project) == (
        "houses",
        folder / "houses",
        True,
    )
    assert problems(folder) == []
    [pipeline] = resolve(folder)
    assert [step.name for step in pipeline.plans["training"].steps] == ["load", "train", "evaluate"]
    assert pipeline.project.root == folder
    assert {
        "pyproject.toml",
        ".gitignore",
        "environments/local.json",
        ".atlas/schemas/recipe.v1.json",
        "houses/config.json",
        "houses/training.json",
        "houses/steps.py",
        "houses/requirements.txt",
        "data/houses.csv",
    } <= set(contents(folder))


def test_documents_name_their_schemas(tmp_path: Path) -> None:
    started = start(tmp_path / "p" / "q", "houses")
    for file in (*started.folder.glob("*.json"), *started.project.glob("environments/*.json")):
        schema = file.parent / json.loads(file.read_text())["$schema"]
        assert schema.resolve().is_file()


def test_the_folders_name_is_made_a_pipelines_name(tmp_path: Path) -> None:
    assert start(tmp_path / "My Shop (2024)").name == "my-shop-2024"


def test_a_name_is_taken_as_it_is(tmp_path: Path) -> None:
    started = start(tmp_path, "churn")
    assert started.folder == tmp_path / "churn"
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My Pipeline", "did you mean 'my-pipeline'?"),
        ("9lives", "did you mean 'lives'?"),
        ("Ünïcode", "expected lower-case letters, digits, - and _, at most 63, a letter first"),
        ("../up", "did you mean 'up'?"),
        ("a" * 64, f"did you mean '{'a' * 63}'?"),
        ("…", "a letter first"),
        ("tests", "a folder 'tests' means something else; choose another name"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(AtlasError) as caught:
        start(tmp_path, name)
    assert str(caught.value).startswith("--name: ")
    assert hint in str(caught.value)
    assert contents(tmp_path) == {}


def test_a_folder_that_gives_no_name_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"the folder's name '2024' gives no name .* --name"):
        start(tmp_path / "2024")


def test_a_second_pipeline_goes_beside_the_first(tmp_path: Path) -> None:
    start(tmp_path, "first")
    before = contents(tmp_path)
    second = start(tmp_path, "second")
    third = start(tmp_path / "teams" / "third")
    fourth = start(tmp_path / "teams", "fourth")
    assert not second.new_project
    assert second.folder == tmp_path / "second"
    assert third.folder == tmp_path / "teams" / "third"
    assert fourth.folder == tmp_path / "teams" / "fourth"
    assert problems(tmp_path) == []
    assert sorted(one.name for one in resolve(tmp_path)) == ["first", "fourth", "second", "third"]
    after = contents(tmp_path)
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["environments/local.json"]


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1}',
        '{"version": 1, "data": {}}',
        '{ "version":1,\r\n\t"data":{ "a":{"uri":"store:a.csv"} } , "prefix": "dev-"}\r\n',
        '{\n  "data": {"a": {"uri": "store:a.csv"}},\n  "version": 1\n}',
    ],
)
def test_an_environment_gets_one_more_data_set_and_keeps_the_rest(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    file = tmp_path / "environments" / "local.json"
    file.parent.mkdir()
    file.write_bytes(text.encode())
    file.chmod(0o640)
    start(tmp_path, "new")
    told = json.loads(file.read_text())
    expected = json.loads(text)
    expected.setdefault("data", {})["new"] = {"uri": "project:data/new.csv"}
    assert told == expected
    assert text.replace("}", "").strip()[-8:] in file.read_bytes().decode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert problems(tmp_path) == []


def test_data_of_that_name_elsewhere_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    (tmp_path / "environments").mkdir()
    text = '{"version": 1, "data": {"new": {"uri": "store:x.csv"}}}'
    (tmp_path / "environments" / "local.json").write_text(text)
    before = contents(tmp_path)
    expected = r"data\.new\.uri: is store:x\.csv already; .* choose another --name"
    with pytest.raises(AtlasError, match=expected):
        start(tmp_path, "new")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "error"), [("{", DocumentError), ('{"version": 1, "dta": {}}', InvalidError)]
)
def test_a_broken_environment_is_told_and_nothing_written(
    tmp_path: Path, text: str, error: type[AtlasError]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.json").write_text(text)
    before = contents(tmp_path)
    with pytest.raises(error):
        start(tmp_path, "new")
    assert contents(tmp_path) == before


def test_every_project_gets_an_id_of_its_own() -> None:
    ids = {NEW_ID("houses") for _ in range(100)}
    assert len(ids) == 100
    assert all(one.startswith("houses-") for one in ids)


def test_a_project_has_its_id_in_the_versioned_file(tmp_path: Path) -> None:
    start(tmp_path, "new")
    assert find_project(tmp_path / "new").id == "new-1"
    start(tmp_path, "other")
    assert find_project(tmp_path / "other").id == "new-1"


def test_a_python_project_becomes_an_atlas_project_too(tmp_path: Path) -> None:
    text = '[project]\nname = "mine"\n\n[tool.ruff]\nline-length = 90\n'
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / ".gitignore").write_text("*.log\n")
    start(tmp_path, "new")
    written = (tmp_path / "pyproject.toml").read_text()
    assert written == f'{text}\n[tool.atlas]\nid = "new-1"\n'
    assert (tmp_path / ".gitignore").read_text() == "*.log\n"
    assert problems(tmp_path) == []


@pytest.mark.parametrize("text", ["not toml", "tool = {ruff = {a = 1}}\n"])
def test_a_pyproject_that_takes_no_table_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(DocumentError, match=r"can't be given a \[tool.atlas\]"):
        start(tmp_path, "new")
    assert contents(tmp_path) == {"pyproject.toml": text.encode()}


def test_repeating_it_writes_nothing(tmp_path: Path) -> None:
    start(tmp_path, "new")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert start(tmp_path, "new").written == ()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_file_that_was_changed_is_never_overwritten(tmp_path: Path) -> None:
    start(tmp_path, "new")
    (tmp_path / "new" / "steps.py").write_text("mine = True\n")
    (tmp_path / "new" / "training.json").write_text("{}")
    (tmp_path / "new" / "requirements.txt").unlink()
    before = contents(tmp_path)
    with pytest.raises(AtlasError) as caught:
        start(tmp_path, "new")
    assert str(caught.value) == (
        "new/steps.py, new/training.json are there already, so nothing was written; "
        "choose another folder or --name, or move them away"
    )
    assert contents(tmp_path) == before


def test_a_pipeline_of_that_name_elsewhere_is_in_the_way(tmp_path: Path) -> None:
    start(tmp_path, "new")
    with pytest.raises(AtlasError, match=r"new/config.json is a pipeline 'new' already"):
        start(tmp_path / "teams", "new")


@pytest.mark.parametrize("place", ["new", "environments", ".atlas", "environments/local.json/x"])
def test_what_stands_where_a_file_belongs_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(AtlasError):
        start(tmp_path, "new")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("stop", range(1, 30))
def test_an_interrupted_call_goes_on_where_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Stops at every write in turn, in the middle of it, as a kill would."""
    calls = 0
    write_bytes = Path.write_bytes

    def dying(path: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == stop:
            write_bytes(path, data[: len(data) // 2])
            raise KeyboardInterrupt
        return write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", dying)
        try:
            start(tmp_path / "p", "new")
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
    start(tmp_path / "p", "new")
    start(tmp_path / "q", "new")
    expected = {name: text for name, text in contents(tmp_path / "q").items()}
    assert contents(tmp_path / "p") == expected
    assert problems(tmp_path / "p") == []
    assert interrupted == (stop <= len(expected))


def test_a_kill_after_a_file_has_its_name_leaves_no_second_name(tmp_path: Path) -> None:
    start(tmp_path, "new")
    before = contents(tmp_path)
    os.link(tmp_path / "new" / "steps.py", tmp_path / "new" / ".steps.py.new")
    start(tmp_path, "new")
    assert contents(tmp_path) == before


def test_a_file_that_appears_meanwhile_is_left(tmp_path: Path) -> None:
    file = files.File(tmp_path / "a", "ours")
    (tmp_path / "a").write_text("theirs")
    with pytest.raises(AtlasError, match="a: can't be written: file exists"):
        files.write([file])
    assert contents(tmp_path) == {"a": b"theirs"}


def test_a_file_system_without_links_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    start(tmp_path, "new")
    assert problems(tmp_path) == []


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AtlasError, match="can't be written: no space left on device"):
        start(tmp_path, "new")


def test_a_folder_with_too_long_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="file name too long"):
        start(tmp_path / ("a" * 300), "new")


def test_schemas_are_written_again(tmp_path: Path) -> None:
    start(tmp_path, "new")
    old = tmp_path / ".atlas" / "schemas" / "recipe.v1.json"
    old.write_text("{}")
    assert refresh_schemas(tmp_path / "new") == [old]
    assert old.read_text() == schema_text("recipe")
    assert refresh_schemas(tmp_path) == []


def test_schemas_need_a_project(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"is in no project: .* `atlas init` makes one"):
        refresh_schemas(tmp_path)


def test_the_example_projects_schemas_are_up_to_date() -> None:
    folder = Path(__file__).parents[4] / "recipes" / ".atlas" / "schemas"
    for kind in SCHEMAS:
        assert (folder / f"{kind}.v1.json").read_text() == schema_text(kind)
