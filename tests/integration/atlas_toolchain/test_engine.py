"""The engine's ways: PATH, cache, download, Go; each refused in turn, nothing left half-made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import cache, catalog, download, engine

from .conftest import ENGINE, Programs

SAYS = f"echo v{catalog.PULUMI}"
#: A Go that writes a script for a program; `go list` names a folder with the host's script.
GO = """
case "$1" in
  list) echo {sources} ;;
  build) while [ "$1" != "-o" ]; do shift; done; {before}
    printf '#!/bin/sh\\necho v{version}\\n' > "$2" ;;
esac
"""


@pytest.fixture
def go(machine: Path, program: Programs) -> Any:
    def put(before: str = "", version: str = catalog.PULUMI) -> None:
        script = machine / "sdk" / "python" / "cmd" / "pulumi-language-python-exec"
        script.parent.mkdir(parents=True)
        script.write_text("#!/usr/bin/env python\n")
        script.chmod(0o444)
        program("go", GO.format(sources=machine / "sdk", before=before, version=version))

    return put


def placed() -> list[str]:
    return sorted(path.name for path in cache.engine_folder().glob("*"))


def test_the_engine_on_path_is_taken_when_its_version_will_do(program: Programs) -> None:
    path = program("pulumi", SAYS)
    found = engine.find()
    assert found == engine.PulumiEngine(path, catalog.PULUMI, f"{path} (PATH)")


def test_a_newer_engine_will_do_an_older_one_will_not(program: Programs) -> None:
    program("pulumi", "echo v3.251.1")
    assert engine.find().version == "3.251.1"
    program("pulumi", "echo v3.249.9")
    assert engine.find() is None
    assert "found 3.249.9 at " in engine.findings()[0].why


def test_a_broken_engine_on_path_is_passed_over(program: Programs) -> None:
    program("pulumi", "exit 3")
    program("pulumi", SAYS, cache.engine_folder())
    assert engine.find().path == cache.engine_folder() / "pulumi"


def test_the_download_brings_engine_and_host(
    official: Any, program: Programs, said: list[str]
) -> None:
    program("pulumi", "echo v3.1.0")
    names = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    official({f"pulumi/{name}": ENGINE for name in names})
    assert engine.get(said.append) == {"pulumi": "", engine.HOST: ""}
    assert placed() == sorted(names)
    rows = engine.findings()
    assert [row.ok for row in rows] == [True, True]
    assert [row.found for row in rows] == [catalog.PULUMI, catalog.PULUMI]
    assert "(official download)" in rows[0].origin


def test_a_path_in_the_archive_leads_nowhere(official: Any, said: list[str], machine: Path) -> None:
    official({"../../../evil": b"x", "pulumi/bin/pulumi": ENGINE})
    engine.get(said.append)
    assert list(machine.rglob("evil")) == [cache.engine_folder() / "evil"]


def test_a_cut_off_download_leaves_nothing(official: Any, said: list[str]) -> None:
    official({"pulumi/pulumi": ENGINE * 5000}, cut=40)
    why = engine.get(said.append)["pulumi"]
    assert why.startswith("download: ")
    assert why.endswith("; build: no go on PATH")
    assert placed() == []


def test_another_archive_than_the_pinned_one_is_not_unpacked(
    official: Any, said: list[str], machine: Path
) -> None:
    official({"pulumi/pulumi": ENGINE, "evil": b"x"}, digest="0" * 64)
    why = engine.get(said.append)["pulumi"]
    assert "found sha256 " in why
    assert f"expected {'0' * 64}" in why
    assert placed() == []
    assert list(machine.rglob("evil")) == []


def test_a_place_with_another_archive_is_passed_over(
    official: Any, said: list[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official({"pulumi/pulumi": ENGINE})
    forged = machine / "forged"
    forged.mkdir()
    (forged / download.archive()).write_bytes(b"another")
    monkeypatch.setattr(download, "BASES", (forged.as_uri(), *download.BASES))
    assert engine.get(said.append)["pulumi"] == ""


def test_a_machine_without_a_checksum_downloads_nothing(
    official: Any, said: list[str], machine: Path
) -> None:
    official({"pulumi/pulumi": ENGINE})
    (machine / "checksums.txt").write_text(f"{'0' * 64}  pulumi-v3.250.0-plan9-x64.tar.gz\n")
    assert "no checksum in checksums.txt" in engine.get(said.append)["pulumi"]
    assert placed() == []


def test_every_platform_that_set_up_knows_has_a_checksum() -> None:
    found = download.checksums()
    names = {f"{system}-{cpu}" for system in ("linux", "darwin") for cpu in ("x64", "arm64")}
    assert {*found} == {f"pulumi-v{catalog.PULUMI}-{name}.tar.gz" for name in names}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in found.values())
    assert len({*found.values()}) == len(found)


def test_an_engine_that_does_not_run_is_not_placed(official: Any, said: list[str]) -> None:
    official({"pulumi/pulumi": b"#!/bin/sh\nexit 1\n"})
    assert "doesn't run here" in engine.get(said.append)["pulumi"]
    assert placed() == []


def test_go_builds_both_where_nothing_can_be_downloaded(go: Any, said: list[str]) -> None:
    go()
    assert engine.get(said.append) == {"pulumi": "", engine.HOST: ""}
    assert placed() == ["pulumi", "pulumi-language-python", "pulumi-language-python-exec"]
    rows = engine.findings()
    assert [row.found for row in rows] == [catalog.PULUMI, catalog.LANGUAGE_HOST]
    assert all("built from Go modules" in row.origin for row in rows)
    assert any("minutes" in line for line in said)
    assert [path.name for path in cache.root().iterdir()] == [f"pulumi-{catalog.PULUMI}"]


def test_a_build_that_fails_says_why_and_leaves_nothing(go: Any, said: list[str]) -> None:
    go(before="echo 'write: no space left on device'; exit 1;")
    why = engine.get(said.append)
    assert why["pulumi"].endswith("; build: go build -trimpath: the disk is full")
    assert why[engine.HOST] == "go build -trimpath: the disk is full"
    assert placed() == []
    assert list(cache.root().glob(".new-*")) == []


def test_nothing_is_done_when_both_are_there(go: Any, said: list[str]) -> None:
    go()
    engine.get(said.append)
    said.clear()
    assert engine.get(said.append) == {"pulumi": "", engine.HOST: ""}
    assert said == []


def test_a_host_without_its_script_is_none(program: Programs) -> None:
    program("pulumi", SAYS)
    program("pulumi-language-python", "exit 0")
    assert engine.host(engine.find()) is None
    program("pulumi-language-python-exec", "exit 0")
    assert engine.host(engine.find()) is not None
