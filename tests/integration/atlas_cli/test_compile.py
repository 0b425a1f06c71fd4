"""`atlas compile`, on the example pipeline and on broken ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TUMOUR = ROOT / "recipes" / "tumour"


def atlas(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atlas_cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the example project, to be broken; of its pipelines it has one."""
    others = [file.parent.name for file in TUMOUR.parent.glob("*/steps.py")]
    left_out = shutil.ignore_patterns(*(name for name in others if name != TUMOUR.name))
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes", ignore=left_out)
    return tmp_path / "recipes"


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_each_flow_is_compiled_for_its_own_target(tmp_path):
    pytest.importorskip("kfp")
    done = atlas("compile", TUMOUR, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "tumour-training.yaml", "tumour-inference.py"
    }  # fmt: skip
    compiled = {each["name"]: each for each in json.loads(done.stdout)["compiled"]}
    (image,) = compiled["tumour-training"]["unbuilt"]
    assert image.startswith("atlas/tumour/base:")
    assert image in (tmp_path / "tumour-training.yaml").read_text()
    assert compiled["tumour-inference"]["plan"] in (tmp_path / "tumour-inference.py").read_text()


def test_compiling_again_touches_nothing_and_airflow_needs_no_kfp(tmp_path):
    arguments = ("compile", TUMOUR, "--target", "airflow", "--flow", "inference", "--out", tmp_path)
    assert atlas(*arguments).returncode == 0
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    assert atlas(*arguments).returncode == 0
    assert file.stat().st_mtime_ns == before


def test_the_bytes_depend_on_neither_place_nor_process(tmp_path, project):
    # Both outside of git: the commit of a checkout is an input as any other.
    other = tmp_path / "elsewhere" / "recipes"
    shutil.copytree(project, other)
    for source, out in ((other, "a"), (project, "b")):
        done = atlas("compile", source, "--target", "airflow", "--out", tmp_path / out)
        assert done.returncode == 0, done.stderr
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_broken_pipeline_keeps_no_other_from_being_compiled(tmp_path, project):
    shutil.copytree(project / "tumour", project / "other")
    edit(project / "other" / "config.json", name="other", recipes={"training": "gone.json"})
    done = atlas("compile", project, "--target", "airflow", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "gone.json" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "tumour-training.py", "tumour-inference.py"
    }  # fmt: skip


def test_what_a_target_cant_do_is_told_with_the_pipeline(tmp_path, project):
    recipe = json.loads((project / "tumour" / "inference.json").read_text())
    edit(
        project / "tumour" / "inference.json",
        parameters={**recipe.get("parameters", {}), "day": {"type": "string"}},
        steps={**recipe["steps"]},
    )
    done = atlas("compile", project, "--target", "airflow", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "tumour-inference: error T202: parameters.day.default" in done.stderr


def test_an_unknown_target_is_an_error():
    done = atlas("compile", TUMOUR, "--target", "jenkins")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no target 'jenkins'; expected")
