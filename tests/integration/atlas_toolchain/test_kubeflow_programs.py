"""The programs of a Kubeflow Pipelines: built once, of modules or of a checkout, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_toolchain import kubeflow_programs, kubeflow_source

from .conftest import Programs

BUILDS = """
case "$1 $2" in
  "mod download") exit;;
  "list -m") echo {sources}; exit;;
  "mod edit") exit;;
esac
while [ "$1" != "-o" ]; do shift; done
echo "#!/bin/sh" > "$2"
"""
DEFINITION = "kind: CustomResourceDefinition\n"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (kubeflow_programs.VARIABLE, kubeflow_source.VARIABLE):
        monkeypatch.delenv(name, raising=False)


def go(program: Programs, machine: Path) -> None:
    link = machine / "sources" / "workflow" / "executor" / "osspecific" / "signal_darwin.go"
    link.parent.mkdir(parents=True)
    link.touch()
    for place in (*kubeflow_programs.DEFINITIONS, "manifests/base/crds/minimal"):
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
    assert kubeflow_programs.find("kfp-apiserver") is None
    made = kubeflow_programs.get(said.append, Path("uv"), api_only=True)
    assert made == {"kfp-apiserver": "", "definitions": ""}
    assert (
        kubeflow_programs.find("kfp-apiserver")
        == kubeflow_programs.folder() / "bin" / "kfp-apiserver"
    )
    names = [path.name for path in kubeflow_programs.definitions()]
    assert names == ["cluster-scoped.yaml", "minimal.yaml"]
    assert kubeflow_programs.get(said.append, Path("uv"), api_only=True) == {}


def checkout(folder: Path) -> Path:
    """Make what a checkout of a release has, as far as it is looked at."""
    for place in (kubeflow_source.DEFINITIONS, "backend/src/apiserver", "api"):
        (folder / place).mkdir(parents=True)
    (folder / kubeflow_source.DEFINITIONS / "schedules.yaml").write_text(DEFINITION)
    for role in kubeflow_source.ROLES:
        (folder / role).write_text("kind: Role\n")
    (folder / "VERSION").write_text("2.17.0\n")
    for name in ("go.mod", "go.sum", "backend/src/apiserver/main.go"):
        (folder / name).touch()
    return folder


def test_runs_are_built_of_a_checkout_once_until_it_changes(
    machine: Path, program: Programs, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go(program, machine)
    program("uv", 'mkdir -p "$5/bin" && touch "$5/bin/python"')
    source = checkout(machine / "checkout")
    monkeypatch.setenv(kubeflow_source.VARIABLE, str(source))
    before = sorted(source.rglob("*"))
    made = kubeflow_programs.get(said.append, Path("uv"), api_only=False)
    names = {one.name for one in kubeflow_programs.PROGRAMS}
    assert {name: made[name] for name in names} == dict.fromkeys(names, "")
    assert sorted(source.rglob("*")) == before
    assert kubeflow_programs.release() == "2.17.0"
    assert None not in {kubeflow_programs.find(name) for name in names}
    assert [path.name for path in kubeflow_programs.definitions()] == [
        "minimal.yaml",
        "schedules.yaml",
    ]
    assert [path.name for path in kubeflow_programs.roles()] == ["pipeline-runner-role.yaml"]
    (source / "backend/src/apiserver/main.go").write_text("package main\n")
    missing = {name for name in names if kubeflow_programs.find(name) is None}
    assert missing == names - {"argo-controller", "argoexec"}


def test_a_checkout_that_is_none_is_refused(
    machine: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kubeflow_source.VARIABLE, str(machine / "nothing"))
    made = kubeflow_programs.get(said.append, Path("uv"), api_only=False)
    assert made == {
        "source": f"ATLAS_TEST_KUBEFLOW_SOURCE={machine / 'nothing'}: found no VERSION there, "
        "expected a checkout of github.com/kubeflow/pipelines"
    }


def test_programs_of_a_folder_come_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kfp-apiserver").touch()
    (tmp_path / "VERSION").write_text("2.16.1\n")
    monkeypatch.setenv(kubeflow_programs.VARIABLE, str(tmp_path))
    assert kubeflow_programs.find("kfp-apiserver") == tmp_path / "kfp-apiserver"
    assert kubeflow_programs.release() == "2.16.1"
    monkeypatch.setenv(kubeflow_programs.VARIABLE, str(tmp_path / "none"))
    assert kubeflow_programs.find("kfp-apiserver") is None


def test_what_cannot_be_built_is_explained(
    machine: Path, program: Programs, said: list[str]
) -> None:
    go(program, machine)
    program("go", "echo 'dial tcp: no such host'; exit 1")
    made = kubeflow_programs.get(said.append, Path("uv"), api_only=True)
    assert {why.partition(": ")[2] for why in made.values()} == {
        "no network (a name can't be resolved)"
    }


def test_a_metadata_store_that_is_half_installed_is_none(machine: Path) -> None:
    python = kubeflow_programs.folder() / "ml-metadata" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert kubeflow_programs.metadata_python() is None
    (kubeflow_programs.folder() / "ml-metadata" / "complete").touch()
    assert kubeflow_programs.metadata_python() == python
