"""A format that comes from outside: an installed package's, or one of the pipeline's own code.

Nothing of Atlas is changed for it; it goes through validate, compile, run and the store's API.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from atlas.formats import packages, registration
from atlas.registered import TARGETS
from atlas.store import Trust
from tests.projects import Project, environment, project

__all__ = ["project"]

FORMAT = '''
"""A grid of characters, and the format that keeps it."""

from dataclasses import dataclass

from atlas.store import Encoded, register


@dataclass(frozen=True)
class Grid:
    rows: tuple[str, ...]


class Grids(Encoded):
    name = "grid"
    suffix = ".grid"
    types = {"toy_grids.Grid": ()}
    shows = "table"

    def encode(self, value):
        return "\\n".join(value.rows).encode()

    def decode(self, content):
        return Grid(tuple(content.decode().split("\\n")))
'''
STEPS = """
    from toy_grids import Grid


    class Made(NamedTuple):
        grid: Grid


    class Make(Template):
        def run(self) -> Made:
            return Made(Grid(("ab", "cd")))


    class Turned(NamedTuple):
        grid: Grid
        size: int


    class Turn(Template):
        def run(self, grid: Grid) -> Turned:
            assert type(grid) is Grid
            return Turned(Grid(tuple(map("".join, zip(*grid.rows)))), len(grid.rows))
"""
GRID = {"outputs": {"grid": {"format": "grid"}}}
TRAINING: dict[str, Any] = {
    "make": {"class": "steps:Make"},
    "turn": {"class": "steps:Turn", "inputs": {"grid": "make.grid"}},
}


NAMED = {name: {**step, **GRID} for name, step in TRAINING.items()}
"""The steps of a Recipe that names the format."""


def install(site: Path) -> None:
    """Put a package into a folder that has the format as an entry point."""
    (site / "toy_grids.py").write_text(FORMAT)
    info = site / "toy_grids-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-grids\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[atlas.formats]\ngrid = toy_grids:Grids\n")


def installed(project: Project, site: Path) -> None:
    """Install a package that has the format as an entry point; the Recipe names it."""
    install(site)
    project.pipeline("shapes", STEPS, NAMED)


def own_code(project: Project, site: Path) -> None:
    """Have the pipeline's own code register the format; values are known by their type."""
    project.pipeline("shapes", STEPS, TRAINING)
    source = FORMAT.replace("toy_grids.Grid", "shapes.Grid")
    accepts = "\n    def accepts(self, value):\n        return type(value) is Grid\n"
    (project.root / "shapes" / "toy_grids.py").write_text(
        source + accepts + "\n\nregister(Grids())\n"
    )


def of_the_project(project: Project, site: Path) -> None:
    """Have the project name an installed module that registers the format."""
    (site / "toy_grids.py").write_text(f"{FORMAT}\n\nregister(Grids())\n")
    (project.root / "pyproject.toml").write_text('[tool.atlas]\nformats = ["toy_grids"]\n')
    project.pipeline("shapes", STEPS, TRAINING)


def installed_by_type(project: Project, site: Path) -> None:
    """Install a package that has a format for a type of its own; the Recipe names no format."""
    install(site)
    info = site / "toy_grids-1.0.dist-info" / "entry_points.txt"
    info.write_text('[atlas.types]\n"toy_grids.Grid" = toy_grids:Grids\n'.replace('"', ""))
    project.pipeline("shapes", STEPS, TRAINING)


@pytest.fixture(
    params=[installed, installed_by_type, own_code, of_the_project], ids=lambda way: way.__name__
)
def toy(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Project:
    site = tmp_path / "site"
    site.mkdir()
    request.param(project, site)
    return project


def atlas(project: Project, *arguments: str) -> str:
    path = str(project.root.parent / "site")
    done = project.atlas(*arguments, env=environment(PYTHONPATH=path))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_validates_without_a_problem(toy: Project) -> None:
    found = json.loads(atlas(toy, "validate", "shapes", "--json"))
    assert found["problems"] == []
    assert [
        one
        for one in json.loads(atlas(toy, "validate", "shapes", "--import", "--json"))["problems"]
    ] == []


def test_a_wrong_type_over_an_edge_is_found_by_an_import(toy: Project) -> None:
    steps = toy.root / "shapes" / "steps.py"
    steps.write_text(
        steps.read_text().replace("def run(self, grid: Grid)", "def run(self, grid: dict)")
    )
    path = str(toy.root.parent / "site")
    done = toy.atlas("validate", "shapes", "--import", "--json", env=environment(PYTHONPATH=path))
    assert done.returncode == 1, done.stdout
    assert "Grid" in done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_it_compiles(toy: Project, target: str, tmp_path: Path) -> None:
    if target == "kubeflow":
        pytest.importorskip("kfp")
    out = tmp_path / "out"
    atlas(toy, "compile", "shapes", "--target", target, "--out", str(out))
    written = "\n".join(file.read_text() for file in out.rglob("*") if file.is_file())
    assert "turn" in written


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_it_runs_and_is_read_back(
    toy: Project, isolation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlas(toy, "run", "shapes", "--isolate", isolation, "--no-cache")
    (run,) = toy.store.runs("shapes")
    manifest = toy.store.manifest("shapes", run, "turn", "grid")
    assert (manifest.format, Path(manifest.data).suffix) == ("grid", ".grid")
    assert toy.store.get("shapes", run, "turn", "size") == 2

    folders = [toy.root.parent / "site", toy.root / "shapes"]
    monkeypatch.setattr(registration, "_registered", {})
    packages.entry_points_of.cache_clear()
    packages._type_points.cache_clear()
    for folder in folders:
        monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(os.sys.modules, "toy_grids", raising=False)
    import toy_grids

    trust = Trust(format="grid", type="toy_grids.Grid")
    assert toy.store.get("shapes", run, "turn", "grid", trust=trust) == toy_grids.Grid(("ac", "bd"))
    monkeypatch.delitem(os.sys.modules, "toy_grids")


def test_it_is_used_again_from_the_cache(toy: Project) -> None:
    atlas(toy, "run", "shapes")
    atlas(toy, "run", "shapes")
    first, second = toy.store.runs("shapes")
    kept = [toy.store.manifest("shapes", run, "turn", "grid") for run in (first, second)]
    assert kept[0].sha256 == kept[1].sha256
    assert kept[0].data == kept[1].data
