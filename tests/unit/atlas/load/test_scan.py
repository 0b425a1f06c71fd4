"""What a folder stands for, and what is reported of Recipes that nothing in it uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import Problem
from atlas.validate import check


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("pyproject.toml", "[tool.atlas]\n")
    write(
        "shop/steps.py",
        "from atlas import Template\nclass A(Template):\n    def run(self) -> None: ...\n",
    )
    write("shop/used.json", recipe())
    write("shop/config.json", {"version": 1, "name": "shop", "recipes": {"training": "used.json"}})
    return tmp_path


def recipe(**fields: Any) -> dict[str, Any]:
    steps = {} if "extends" in fields else {"steps": {"a": {"class": "steps:A"}}}
    return {"version": 1, "name": "r", "flow": "training", **steps, **fields}


def write(name: str, content: Any) -> None:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def told(path: str = ".") -> list[Problem]:
    return list(check(Path(path)).problems)


def codes(path: str = ".") -> list[tuple[str, str]]:
    return [(one.code, one.file) for one in told(path)]


def test_every_recipe_is_used() -> None:
    assert codes() == []


@pytest.mark.parametrize("path", [".", "shop"])
def test_a_recipe_that_no_config_names(path: str) -> None:
    write("shop/left.json", recipe())
    (found,) = told(path)
    assert (found.code, found.file, found.severity) == ("N005", "shop/left.json", "warning")
    assert f"no Config under {path} uses" in found.message


def test_recipes_that_others_extend_or_have_as_steps_are_used() -> None:
    write("shop/base.json", recipe())
    write("shop/part.json", recipe())
    write("shop/used.json", recipe(extends="base.json", steps={"p": {"recipe": "part.json"}}))
    assert ("N005", "shop/base.json") not in codes()
    assert ("N005", "shop/part.json") not in codes()


def test_it_is_a_matter_of_folders_alone() -> None:
    write("shop/left.json", recipe())
    assert codes("shop/config.json") == []
    assert codes("shop/left.json") == []


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 1}', '{"steps": {"a": 1}}', '{"version": 1, "name": "x"}']
)
def test_other_json_is_data(text: str) -> None:
    write("shop/data.json", text)
    assert codes() == []


def test_nothing_is_said_beside_an_error() -> None:
    write("shop/left.json", recipe())
    write("shop/config.json", {"version": 1, "name": "shop", "recipes": {"training": "us.json"}})
    assert [code for code, _ in codes()] == ["R024"]


def test_a_folder_with_recipes_alone_says_how_to_go_on() -> None:
    Path("shop/config.json").unlink()
    (found,) = told("shop")
    assert found.code == "D008"
    assert found.hint == "write a Config that names shop/used.json, or name that file itself"


@pytest.mark.parametrize("name", ["shop/config.json", "shop/used.json", "environments/local.json"])
def test_documents_that_are_links_out_of_the_project(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.json"
    outside.write_text('{"secret": 1}')
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).unlink(missing_ok=True)
    Path(name).symlink_to(outside)
    found = told()
    assert "R023" in [one.code for one in found]
    assert not [one for one in found if "secret" in str(one)]


def test_a_source_that_was_named_says_what_a_path_is() -> None:
    (found,) = told("shop/steps.py")
    assert (found.code, found.hint) == ("D002", "a PATH is a Recipe, a Config, or a folder of them")


@pytest.mark.parametrize("path", ["shop", "shop/config.json", "shop/steps.py"])
def test_a_path_may_be_a_text(path: str) -> None:
    assert check(path).problems == check(Path(path)).problems  # type: ignore[arg-type]


def test_links_within_the_project_are_followed() -> None:
    Path("shop/used.json").rename("shared.json")
    Path("shop/used.json").symlink_to("../shared.json")
    write("lookup.csv", "a\n1\n")
    Path("shop/lookup.csv").symlink_to("../lookup.csv")
    assert codes() == []


@pytest.mark.parametrize(
    "content",
    [
        {"architectures": ["Encoder"]},
        {"version": 1, "name": "shop"},
        [],
        1,
        "",
        "{",
        '{"a": 1, "a": 2}',
        "[" * 9000,
    ],
)
@pytest.mark.parametrize("name", ["data/config.json", "shop/weights/config.json", "configs/a.json"])
def test_a_file_without_recipes_is_passed_over(name: str, content: Any) -> None:
    write(name, content)
    (found,) = told()
    assert (found.code, found.file, found.severity) == ("N006", name, "warning")


@pytest.mark.parametrize(
    "content",
    [
        {"$schema": ".atlas/schemas/config.v1.json", "version": 1, "name": "a"},
        {"version": 1, "name": "a", "recipes": {}},
        '{"recipes": ',
    ],
)
def test_one_that_is_meant_as_a_config_is_checked(content: Any) -> None:
    write("other/config.json", content)
    assert all(one.severity == "error" for one in told())
    assert told() != []


def test_one_that_is_named_is_checked_whatever_it_has() -> None:
    write("data/config.json", {"architectures": []})
    assert {one.severity for one in told("data/config.json")} == {"error"}


def test_a_folder_whose_files_are_all_passed_over_has_no_config() -> None:
    write("data/config.json", {"architectures": []})
    error, warning = sorted(told("data"), key=lambda one: one.severity)
    assert (warning.code, error.code) == ("N006", "D008")
    assert "data/config.json has no recipes" in error.message


def test_without_a_project_nothing_below_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").unlink()
    (found,) = told()
    assert (found.code, found.severity) == ("D008", "error")
    assert "is in no project to be scanned" in found.message
    assert codes("shop") == []


def test_a_folder_with_environments_is_a_project_without_saying_so(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "environments").mkdir()
    assert codes() == []
