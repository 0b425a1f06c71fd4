"""Elyra's pipelines: scripts and notebooks as steps, the files between them as outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.validate import check
from atlas_import import read_elyra, write


def node(name: str, file: str, *parents: str, **given: Any) -> dict[str, Any]:
    op = "execute-notebook-node" if file.endswith(".ipynb") else "execute-python-node"
    links = [{"node_id_ref": parent, "port_id_ref": "outPort"} for parent in parents]
    data = {"component_parameters": {"filename": file, **given}, "label": name}
    return {
        "id": name,
        "type": "execution_node",
        "op": op,
        "app_data": data,
        "inputs": [{"links": links}],
    }


def pipeline(folder: Path, *nodes: Any) -> Path:
    file = folder / "weather.pipeline"
    document = {"primary_pipeline": "p", "pipelines": [{"id": "p", "nodes": list(nodes)}]}
    file.write_text(json.dumps(document))
    return file


def notebook(*cells: str) -> str:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "load.py").write_text("open('data/a.csv', 'w').write('1')\n")
    (tmp_path / "clean.ipynb").write_text(notebook("!pip install x\nprint(1)", "%%bash\nls"))
    (tmp_path / "names.txt").write_text("a b")
    return tmp_path


def test_files_between_nodes_are_outputs_and_inputs(folder: Path) -> None:
    draft = read_elyra(
        pipeline(
            folder,
            node("Load data", "load.py", outputs=["data/a.csv"], env_vars=["URL=http://x", "EMPTY"],
                 cpu=2, memory=4, dependencies=["names.txt", "../secret"], runtime_image="x/y:1"),
            node("clean", "clean.ipynb", "Load data", outputs=["b.csv", "c.csv", "*.png"]),
            node("last", "load.py", "clean"),
        )
    )  # fmt: skip
    load, clean, last = draft.steps
    assert dict(load.outputs) == {"value": "Path"}
    assert dict(load.settings) == {
        "env": {"URL": "http://x"}, "resources": {"cpu": 2, "memory": "4Gi"},
    }  # fmt: skip
    assert {k: one.reference for k, one in clean.inputs.items()} == {"a_csv": "load_data.value"}
    assert list(clean.outputs) == ["b_csv", "c_csv"]
    assert {one.reference for one in last.inputs.values()} == {
        "clean.b_csv", "clean.c_csv", "load_data.value",
    }  # fmt: skip
    assert draft.files["scripts/clean.py"].count("\n# ") == 3
    assert draft.files["files/names.txt"] == "a b"
    told = "\n".join(f"{note.place}: {note.text}" for note in draft.notes)
    for words in (
        "*.png",
        "../secret",
        "x/y:1",
        "'!pip install x' became a comment",
        "%%bash",
        "without a value",
    ):
        assert words in told
    made = write(draft, folder / "atlas", "weather").project.folder
    assert [one for one in check(made).problems if one.severity == "error"] == []


def test_what_is_no_script_is_left_to_write(folder: Path) -> None:
    other = node("mail", "x.py")
    other["op"] = "email-operator_EmailOperator"
    outside = node("out", "../load.py")
    missing = node("gone", "gone.py", "out")
    draft = read_elyra(pipeline(folder, other, outside, missing, {"id": 3}, "x"))
    assert all("NotImplementedError" in step.body[0] for step in draft.steps)
    assert draft.steps[2].after == ("out",)
    assert draft.files == {}


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: Any) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.py"
    secret.write_text("SECRET = 1\n")
    (folder / "linked.py").symlink_to(secret)
    draft = read_elyra(pipeline(folder, node("a", "linked.py", dependencies=["linked.py"])))
    assert draft.files == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "isn't JSON"),
        ("[]", "isn't a pipeline of Elyra"),
        ('{"pipelines": []}', "isn't a pipeline of Elyra"),
        ('{"pipelines": [{"id": "a", "nodes": []}]}', "has no node"),
        ("[" * 100_000, "isn't JSON"),
    ],
    ids=["json", "list", "none", "empty", "deep"],
)
def test_what_is_no_pipeline_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.pipeline"
    file.write_text(text)
    with pytest.raises(AtlasError, match=told):
        read_elyra(file)
