"""The example notebooks run from top to bottom, and carry nothing from where they were written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from atlas.scaffold import start
from atlas.validate import check

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [
    path
    for folder in ("recipes", "platform", "docs")
    for path in sorted((ROOT / folder).rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:(jupyter_client|zmq|nbclient|traitlets|ipykernel).*",
    "ignore:unclosed:ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kernels keep their files here, and know of no platform."""
    for name in [name for name in os.environ if name.startswith("ATLAS_")]:
        monkeypatch.delenv(name)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))


def executed(path: Path) -> list[dict[str, Any]]:
    """Run a notebook in its own folder, and return its code cells."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=250,
        startup_timeout=200,
        kernel_name="python3",
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: dict[str, Any], kind: str) -> str:
    return "".join(output.get("data", {}).get(kind, "") for output in cell["outputs"])


def printed(cell: dict[str, Any]) -> str:
    return "".join(output.get("text", "") for output in cell["outputs"])


def test_the_tumour_notebook_ends_with_a_new_pipeline(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    folder = tmp_path / "recipes" / "tumour"
    cells = executed(folder / "notebook.ipynb")
    drawings = [cell for cell in cells if "<svg" in shown(cell, "text/html")]
    assert len(drawings) == 4, [cell["source"] for cell in drawings]
    assert "<th>malignant</th>" in "".join(shown(cell, "text/html") for cell in cells)
    assert "roc_auc" in shown(cells[-2], "text/html")
    assert check(folder).errors == ()
    recipe = json.loads((folder / "plane.json").read_text())
    assert recipe["steps"] == {"train": {"class": "plane:TrainPlane"}}
    assert check(folder / "configs" / "plane.json").checked[0].file.config.name == "tumour-plane"


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "last"),
    [
        pytest.param("diabetes", "'mae': 4", id="diabetes"),
        pytest.param("digits", "<svg", id="digits"),
        pytest.param("flights", "F9", id="flights", marks=pytest.mark.long),
        pytest.param("forecast", "1989", id="forecast"),
        pytest.param("spaceflights", "'line': ", id="spaceflights"),
    ],
)
def test_the_other_examples_notebooks(name: str, last: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    cells = executed(tmp_path / "recipes" / name / "notebook.ipynb")
    assert last in shown(cells[-1], "text/html") + shown(cells[-1], "text/plain")


def test_a_new_pipelines_notebook(tmp_path: Path) -> None:
    folder = start(tmp_path / "shop", "houses").folder
    cells = executed(folder / "notebook.ipynb")
    assert "<svg" in shown(cells[0], "text/html")
    assert "'evaluate': {'r2': 0.9" in shown(cells[-1], "text/plain")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_carry_nothing_from_where_they_were_written(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    text = path.read_text("utf-8")
    assert not [word for word in ("/work", "/tmp", "/home", "/root", "/Users") if word in text]
