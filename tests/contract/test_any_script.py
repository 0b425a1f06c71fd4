"""Words in any script mean the same everywhere: on each target, in each locale, for one digest."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from atlas.registered import TARGETS

WORDS = ["süß", "日本", "ключ", "😀", "e\u0301", "\u2028", "{{ x }}", "'\"\\", "שלום"]
SOURCE = """
from typing import Any
from dataclasses import dataclass
from atlas import Template

@dataclass
class Said:
    said: dict[str, Any]

class Say(Template):
    words: list[str]
    named: dict[str, int]
    street: str

    def run(self) -> Said:
        return Said({"words": self.words, "named": self.named, "street": self.street})
"""
PARAMS = {
    "words": WORDS,
    "named": {word: at for at, word in enumerate(WORDS)},
    "street": {"parameter": "street"},
}
STREET = {"type": "string", "default": "Äpfel 😀", "choices": ["Äpfel 😀", "日本"]}
STREETS = ["Äpfel 😀", "日本"]
FILES = {
    "pyproject.toml": "[tool.atlas]\n",
    "p/steps.py": SOURCE,
    "p/config.json": {"version": 1, "name": "p", "recipes": {"training": "training.json"}},
    "p/training.json": {
        "version": 1, "name": "t", "flow": "training", "description": "Prüfung 日本",
        "parameters": {"street": STREET},
        "steps": {"say": {"class": "steps:Say", "description": "größe", "params": PARAMS}},
    },
}  # fmt: skip
C = {"LC_ALL": "C"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("größe")
    for name, content in FILES.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def atlas(project: Path, *words: str, **variables: str) -> str:
    command = [sys.executable, "-m", "atlas_cli", *words]
    state = {"ATLAS_STATE": str(project / "state"), **variables}
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **state}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("isolate", ["none", "process"])
@pytest.mark.parametrize("locale", [{}, C], ids=["here", "C"])
@pytest.mark.parametrize("street", STREETS)
def test_a_run_here(project: Path, isolate: str, locale: dict[str, str], street: str) -> None:
    words = ("--isolate", isolate, "--no-cache", "--set", f"street={street}", "--json")
    run = json.loads(atlas(project, "run", *words, **locale).splitlines()[0])["run"]
    file = project / "state" / "store" / "p" / run / "say" / "said" / "data.json"
    said = json.loads(file.read_text("utf-8"))
    assert said == {**PARAMS, "street": street}


@pytest.mark.parametrize("locale", [{}, C], ids=["here", "C"])
def test_compiled_files(project: Path, locale: dict[str, str]) -> None:
    pytest.importorskip("kfp")
    for target in TARGETS:
        atlas(project, "compile", "--target", target, "--out", "out", **locale)
    dag = (project / "out" / "p-training.py").read_text("ascii")
    nodes = [one.value for one in ast.walk(ast.parse(dag)) if isinstance(one, ast.Constant)]
    assert {"Prüfung 日本", "größe", *STREETS} <= {
        one.strip() for one in nodes if isinstance(one, str)
    }
    text = (project / "out" / "p-training.yaml").read_text("utf-8")
    pipeline = next(iter(yaml.safe_load_all(text)))
    street = pipeline["root"]["inputDefinitions"]["parameters"]["street"]
    assert street["defaultValue"] == STREETS[0]
    assert pipeline["pipelineInfo"]["description"].startswith("Prüfung 日本\n")
    digests = {
        path.stem: json.loads(path.read_text("utf-8"))["steps"][0]["params"]
        for path in (project / "state" / "store" / "plans").glob("*.json")
    }
    assert len(digests) == 1
    ((digest, params),) = digests.items()
    assert digest in dag
    assert digest in text
    assert "日本" in json.dumps(params, ensure_ascii=False)
