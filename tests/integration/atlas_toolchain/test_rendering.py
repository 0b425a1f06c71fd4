"""Helm and Kustomize: on PATH, in the cache, downloaded and checked, or built."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import rendering
from infra.manifests import programs

from .conftest import Programs

HELM, KUSTOMIZE = rendering.TOOLS
BUILDS = """
while [ "$1" != "-o" ]; do shift; done
printf '#!/bin/sh\\necho v{version}\\n' > "$2"
"""


@pytest.fixture
def served(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve an archive of Helm's, with a checksum; Kustomize has neither."""

    def serve(content: bytes, digest: str = "") -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            info = tarfile.TarInfo("linux-amd64/helm")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        folder = machine / "served"
        folder.mkdir()
        (folder / HELM.archive_here()).write_bytes(data.getvalue())
        right = digest or hashlib.sha256(data.getvalue()).hexdigest()
        (machine / "sums.txt").write_text(f"{right}  {HELM.archive_here()}\n")
        monkeypatch.setattr(rendering, "CHECKSUMS", machine / "sums.txt")
        monkeypatch.setattr(rendering, "TOOLS", (replace(HELM, base=folder.as_uri()),))

    return serve


def unreachable(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    nowhere = (machine / "nowhere").as_uri()
    tools = tuple(replace(tool, base=nowhere) for tool in rendering.TOOLS)
    monkeypatch.setattr(rendering, "TOOLS", tools)


def test_a_program_on_path_is_taken_when_its_version_will_do(program: Programs) -> None:
    path = program("helm", "echo v3.21.4")
    found = rendering.finding(HELM)
    assert (found.found, found.origin, found.ok) == ("3.21.4", str(path), True)
    program("helm", "echo v3.9.0")
    found = rendering.finding(HELM)
    assert not found.ok
    assert "found 3.9.0" in found.why


def test_what_comes_is_checked_and_kept_where_infra_looks(
    served: Any, said: list[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(b"#!/bin/sh\necho v3.20.0\n")
    assert rendering.get(said.append) == {"helm": ""}
    assert rendering.cached() == [programs.cached() / "helm"]
    with monkeypatch.context() as patched:  # this machine may have one beside its Python
        patched.setattr(programs.sys, "executable", str(machine / "python"))
        assert programs.find("helm") == str(programs.cached() / "helm")
    assert rendering.finding(HELM).ok
    assert rendering.get(said.append) == {}, "what is there isn't got again"


@pytest.mark.parametrize("case", ["forged", "broken"])
def test_what_is_not_what_was_expected_is_not_installed(
    served: Any, said: list[str], case: str
) -> None:
    served(b"#!/bin/sh\nexit 1\n", "0" * 64 if case == "forged" else "")
    (why,) = rendering.get(said.append).values()
    expected = "expected 0000" if case == "forged" else "doesn't run here as 3.20.0"
    assert expected in why
    assert rendering.cached() == []


def test_without_a_way_to_download_it_is_built(
    machine: Path, monkeypatch: pytest.MonkeyPatch, program: Programs, said: list[str]
) -> None:
    unreachable(monkeypatch, machine)
    program("go", BUILDS.format(version="3.20.0").replace("3.20.0", "5.7.1"))
    found = rendering.get(said.append)
    assert found["kustomize"] == ""
    assert "doesn't run here as 3.20.0" not in found["kustomize"]
    assert rendering.finding(KUSTOMIZE).ok
    assert "building from Go modules" in "".join(said)


def test_without_anything_it_says_why_and_what_would_get_it(
    machine: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    unreachable(monkeypatch, machine)
    for why in rendering.get(said.append).values():
        assert why.endswith("build: no go on PATH")
    found = rendering.finding(HELM)
    assert found.why.startswith("download: ")
    assert "atlas doctor --install --cluster" in found.get


def test_every_archive_has_a_checksum() -> None:
    names = rendering.CHECKSUMS.read_text("ascii").split()[1::2]
    for tool in rendering.TOOLS:
        for system in ("linux", "darwin"):
            for machine in ("amd64", "arm64"):
                name = tool.archive.format(version=tool.version, system=system, machine=machine)
                assert name in names
