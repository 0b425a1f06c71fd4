"""The programs of a Kubeflow Pipelines: built once, taken from a folder, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_toolchain import kubeflow_tests

from .conftest import Programs

BUILDS = """
case "$1 $2" in
  "mod download") exit;;
  "list -m") echo {sources}; exit;;
esac
while [ "$1" != "-o" ]; do shift; done
echo "#!/bin/sh" > "$2"
"""
DEFINITION = "kind: CustomResourceDefinition\n"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kubeflow_tests.VARIABLE, raising=False)


def go(program: Programs, machine: Path) -> None:
    for place in kubeflow_tests.DEFINITIONS:
        folder = machine / "sources" / place
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.yaml").write_text(DEFINITION)
        (folder / f"{folder.name}-more.yaml").write_text("kind: Kustomization\n")
    program("go", BUILDS.format(sources=machine / "sources"))
    program("mariadbd", "exit")


def test_what_the_api_needs_is_built_once(
    machine: Path, program: Programs, said: list[str]
) -> None:
    go(program, machine)
    assert kubeflow_tests.find("kfp-apiserver") is None
    made = kubeflow_tests.get(said.append, Path("uv"), api_only=True)
    assert made == {"kfp-apiserver": "", "definitions": ""}
    assert kubeflow_tests.find("kfp-apiserver") == kubeflow_tests.folder() / "bin" / "kfp-apiserver"
    names = [path.name for path in kubeflow_tests.definitions()]
    assert names == ["cluster-scoped.yaml", "minimal.yaml"]
    assert kubeflow_tests.get(said.append, Path("uv"), api_only=True) == {}


def test_programs_of_a_folder_come_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kfp-apiserver").touch()
    monkeypatch.setenv(kubeflow_tests.VARIABLE, str(tmp_path))
    assert kubeflow_tests.find("kfp-apiserver") == tmp_path / "kfp-apiserver"
    monkeypatch.setenv(kubeflow_tests.VARIABLE, str(tmp_path / "none"))
    assert kubeflow_tests.find("kfp-apiserver") is None


def test_what_cannot_be_built_is_told(machine: Path, program: Programs, said: list[str]) -> None:
    go(program, machine)
    program("go", "echo 'dial tcp: no such host'; exit 1")
    made = kubeflow_tests.get(said.append, Path("uv"), api_only=True)
    assert {why.partition(": ")[2] for why in made.values()} == {
        "no network (a name can't be resolved)"
    }


def test_a_metadata_store_that_is_half_installed_is_none(machine: Path) -> None:
    python = kubeflow_tests.folder() / "ml-metadata" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert kubeflow_tests.metadata_python() is None
    (kubeflow_tests.folder() / "ml-metadata" / "complete").touch()
    assert kubeflow_tests.metadata_python() == python
