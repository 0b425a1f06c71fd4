"""The example pipelines: their READMEs work as they are typed, and every flow compiles."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from atlas.plan import resolve
from atlas.validate import check
from tests.contract.flavours import compilers

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
READMES = sorted(RECIPES.glob("*/README.md"))
LONG = {"flights", "spaceflights"}
"""Examples whose README takes too long for `make test`, where other tests have their steps."""

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def _reader() -> ModuleType:
    """Import the module beside this one, which importlib mode has no package for."""
    name, file = "readme_examples", Path(__file__).with_name("examples.py")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example project, with its state beside it."""
    shutil.copytree(RECIPES, tmp_path / "recipes")
    for name in ("ATLAS_STATE", "ATLAS_STORE", "ATLAS_CODE", "ATLAS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path / "recipes")
    return tmp_path / "recipes"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "readme",
    [
        pytest.param(
            page, id=page.parent.name, marks=[pytest.mark.long] * (page.parent.name in LONG)
        )
        for page in READMES
    ],
)
def test_a_readme_works_as_it_is_typed(readme: Path, project: Path) -> None:
    assert _reader().run(project / readme.relative_to(RECIPES), project) > 0


@pytest.mark.parametrize(
    "readme",
    [
        pytest.param(
            page, id=page.parent.name, marks=[pytest.mark.long] * (page.parent.name in LONG)
        )
        for page in READMES
    ],
)
def test_what_a_readme_links_to_is_there(readme: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", readme.read_text("utf-8"))
    assert links
    assert [link for link in links if not (readme.parent / link).exists()] == []


def test_every_example_has_its_readme_its_notebook_and_its_tests() -> None:
    folders = {file.parent for file in RECIPES.glob("*/steps.py")}
    assert len(folders) > 3
    wanted = ("README.md", "notebook.ipynb", "make_data.py", "requirements.lock")
    assert [str(f / name) for f in folders for name in wanted if not (f / name).is_file()] == []
    assert all([*folder.glob("tests/test_*.py")] for folder in folders)


@pytest.mark.parametrize("environment", ["local", "alone"])
def test_nothing_is_wrong_with_the_examples(environment: str) -> None:
    assert check(RECIPES, environment=environment).problems == ()


@pytest.mark.parametrize("flavour", ["cluster", "kfp.local", "process", "docker", "kubernetes"])
def test_every_flow_of_every_example_compiles_to_every_target(flavour: str) -> None:
    pytest.importorskip("kfp")
    compiler = dict(compilers())[flavour]
    plans = [plan for pipeline in resolve(RECIPES) for plan in pipeline.plans.values()]
    assert len(plans) > 15
    for plan in plans:
        found = [one for one in compiler.problems(plan) if one.severity == "error"]
        assert found == [], plan.name
        names = {step.image for step in plan.steps}
        images = {name: f"registry.example.org/{name}@sha256:{'0' * 64}" for name in names}
        assert all(compiler.compile(plan, images).values()), plan.name
