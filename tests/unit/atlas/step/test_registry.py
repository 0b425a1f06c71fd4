"""Classes come from the pipeline's folder and from what the project allows; nothing else runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.plan import Plan, resolve
from atlas.step import code
from atlas.validate import check

STEP = "from atlas import Template\nclass One(Template):\n    def run(self) -> None: ...\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("ATLAS_CODE", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    package = tmp_path / "site-packages" / "company" / "steps"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text(STEP)
    (tmp_path / "site-packages" / "companyx.py").write_text(STEP)
    (tmp_path / "p").mkdir()
    source = "from subprocess import Popen\nfrom company.steps import One as Theirs\n"
    (tmp_path / "p" / "steps.py").write_text(source + STEP)
    code.mount("p", tmp_path / "p")
    yield tmp_path / "p"
    code.unmount("p")
    for name in [one for one in sys.modules if one.partition(".")[0] in ("company", "companyx")]:
        del sys.modules[name]


def pipeline(folder: Path, cls: str, allow: list[str]) -> Path:
    (folder.parent / "pyproject.toml").write_text(f"[tool.atlas]\nallow = {allow!r}\n")
    recipe = {"version": 1, "name": "r", "steps": {"one": {"class": cls}}}
    (folder / "training.json").write_text(json.dumps(recipe))
    config = {"version": 1, "name": "p", "recipes": {"training": "training.json"}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


ALLOWED = [
    ("steps:One", []),
    ("company.steps:One", ["company"]),
    ("company.steps:One", ["company.steps"]),
    ("steps:Theirs", ["company"]),
    ("atlas.template:Sink", []),
]
REFUSED = [
    ("company.steps:One", []),
    ("companyx:One", ["company"]),
    ("company.steps:One", ["company.steps.deeper"]),
    ("steps:Theirs", []),
    ("steps:Popen", ["company"]),
    ("subprocess:Popen", []),
    ("atlas.step.code:Path", []),
    ("atlas:Sink", []),
]


@pytest.mark.parametrize(("cls", "allow"), ALLOWED)
def test_what_is_allowed_is_loaded(folder: Path, cls: str, allow: list[str]) -> None:
    assert code.load_class("p", cls, allow).__name__ in ("One", "Sink")


@pytest.mark.parametrize(("cls", "allow"), REFUSED)
def test_what_is_not_allowed_is_refused_at_import(folder: Path, cls: str, allow: list[str]) -> None:
    expected = r"is neither in the pipeline's folder nor allowed by the project \(\[tool.atlas\]"
    with pytest.raises(ImportError, match=expected):
        code.load_class("p", cls, allow)


@pytest.mark.parametrize(("cls", "allow"), REFUSED)
def test_and_before_that_by_validation(folder: Path, cls: str, allow: list[str]) -> None:
    report = check(pipeline(folder, cls, allow))
    assert {one.code for one in report.errors} & {"R013", "R014"}


def test_a_module_that_is_not_allowed_is_not_even_imported(folder: Path) -> None:
    with pytest.raises(ImportError):
        code.load_class("p", "companyx:One")
    assert "companyx" not in sys.modules


@pytest.mark.parametrize(("cls", "allow"), ALLOWED[:4])
def test_a_plan_says_which_packages_its_classes_are_of(
    folder: Path, cls: str, allow: list[str]
) -> None:
    [found] = resolve(pipeline(folder, cls, [*allow, "unused"]))
    plan = found.plans["training"]
    assert plan.packages == tuple(allow)
    assert Plan.from_text(plan.text) == plan
    assert code.load_class("p", cls, plan.packages)
