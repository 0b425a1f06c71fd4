"""A Kedro project as a pipeline: what is taken over, what is reported, and that nothing of it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.validate import check
from atlas_import import read_kedro, write
from atlas_import.sources import MOST_BYTES
from tests.unit.atlas_import.kedro_project import FILES, kedro_project

PIPELINE = "src/shop/pipelines/train/pipeline.py"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return kedro_project(tmp_path / "shop")


def test_nodes_become_steps_with_what_they_read(shop: Path) -> None:
    draft = read_kedro(shop)
    read = {step.name: {k: one.reference for k, one in step.inputs.items()} for step in draft.steps}
    assert read == {
        "clean_sales": {"sales": "data.sales"},
        "split": {"rows": "clean_sales.value"},
        "fit": {"rows": "split.learn"},
        "score": {"model": "fit.value", "rows": "split.test"},
        "show": {"learn": "split.learn"},
    }
    params = {step.name: {k: one.value for k, one in step.params.items()} for step in draft.steps}
    assert params["split"] == {"options": {"feature": "parameters.train"}}
    assert params["fit"] == {"columns": {"feature": "parameters.train.columns"}}
    outputs = {step.name: dict(step.outputs) for step in draft.steps}
    assert outputs["split"] == {"learn": "pd.DataFrame", "test": "pd.DataFrame"}
    assert list(outputs["score"]) == ["error", "count"]


def test_the_configuration_becomes_data_features_and_a_model(shop: Path) -> None:
    draft = read_kedro(shop)
    assert draft.config == {
        "features": {"parameters": {"train": {"share": 0.75, "columns": ["amount"]}}},
        "model": {"name": "@name@", "from": {"model": "fit.value"}},
    }
    uri = (shop / "data" / "01_raw" / "sales.csv").as_uri()
    csv = {"separator": ";"}
    assert draft.data == {"sales": {"type": "table", "uri": uri, "format": "csv", "csv": csv}}
    assert draft.requirements == ("scikit-learn>=1.5", "pandas", "pyarrow")


def test_what_is_not_taken_over_is_told_with_its_line(shop: Path) -> None:
    told = {note.place: note.text for note in read_kedro(shop).notes}
    assert "without its namespace" in told[f"{PIPELINE}:8"]
    assert "write the step's body" in told[f"{PIPELINE}:14"]
    assert "loop" in told[f"{PIPELINE}:15"]
    assert "factory '{name}_plot'" in told["conf/base/catalog.yml:15"]
    assert "'clean' isn't written to its filepath" in told["conf/base/catalog.yml:8"]
    assert "'model' was pickled" in told["conf/base/catalog.yml:11"]
    assert "'-r other.txt'" in told["requirements.txt:3"]


def test_what_is_written_is_valid_and_has_the_functions_as_they_were(
    shop: Path, tmp_path: Path
) -> None:
    imported = write(read_kedro(shop), tmp_path / "atlas", "shop")
    folder = imported.project.folder
    errors = [one for one in check(folder).problems if one.severity == "error"]
    assert errors == []
    nodes = (folder / "shop" / "pipelines" / "train" / "nodes.py").read_text()
    assert nodes == FILES["src/shop/pipelines/train/nodes.py"]
    assert (folder / "shop" / "helpers.py").is_file()
    assert (folder / "shop" / "__init__.py").read_text() == ""
    assert not (folder / "shop" / "pipelines" / "train" / "pipeline.py").exists()
    assert "shop" not in sys.modules, "nothing of the project was imported"
    again = write(read_kedro(shop), tmp_path / "atlas", "shop")
    assert again.project.written == ()


def test_nothing_is_overwritten(shop: Path, tmp_path: Path) -> None:
    mine = tmp_path / "atlas" / "shop" / "steps.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(AtlasError, match=r"steps\.py is there already, so nothing was written"):
        write(read_kedro(shop), tmp_path / "atlas", "shop")
    assert mine.read_text() == "mine"
    assert not (tmp_path / "atlas" / "pyproject.toml").exists()


def test_one_file_gives_its_own_nodes(shop: Path) -> None:
    draft = read_kedro(shop / PIPELINE)
    assert [step.name for step in draft.steps][:2] == ["clean_sales", "split"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("conf/base/catalog.yml", "a: !!python/object/apply:os.system ['true']\n", "isn't YAML"),
        ("conf/base/catalog.yml", "- a\n", "expected a mapping"),
        ("conf/base/catalog.yml", "a: [" * 5000, "isn't YAML"),
        (
            "conf/base/parameters.yml",
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]\n"
                for p, n in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "what its aliases repeat",
        ),
        ("src/shop/other.py", "def broken(:\n", "isn't Python"),
        ("src/shop/other.py", "x = " + "(" * 3000 + ")" * 3000, "other.py"),
        ("src/shop/other.py", "#" * (MOST_BYTES + 1), "more than 1,000,000 bytes"),
    ],
    ids=["object", "list", "nested", "aliases", "syntax", "deep", "large"],
)
def test_a_hostile_file_is_told_and_the_rest_taken_over(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    draft = read_kedro(kedro_project(tmp_path / "shop", **{name: text}))
    assert len(draft.steps) == 5
    assert any(told in note.text for note in draft.notes)


def test_names_cannot_become_code(tmp_path: Path) -> None:
    evil = 'x"""); import os; os.abort() #'
    catalog = f"{json.dumps(evil)}:\n  type: pandas.CSVDataset\n  filepath: {json.dumps(evil)}\n"
    pipeline = (
        "from kedro.pipeline import node\nfrom .nodes import clean\n"
        f"node(clean, {evil!r}, [{evil!r} + '', 'b'], name='n')\n"
        f"node(clean, {evil!r}, [{(evil + '2')!r}, 'class'], name={evil!r})\n"
    )
    shop = kedro_project(
        tmp_path / "shop", **{"conf/base/catalog.yml": catalog, PIPELINE: pipeline}
    )
    imported = write(read_kedro(shop), tmp_path / "atlas", "shop")
    source = (imported.project.folder / "steps.py").read_text()
    assert "os.abort() #" not in source
    compile(source, "steps.py", "exec")
    assert [
        one for one in check(imported.project.folder).problems if one.code.startswith("R0")
    ] == []


def test_a_folder_without_nodes_says_so(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="no node"):
        read_kedro(tmp_path)
    with pytest.raises(AtlasError, match="no node"):
        read_kedro(tmp_path / "nowhere")
