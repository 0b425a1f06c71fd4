"""The wheel: everything that Atlas needs where there is no tree, and no module named `platform`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "atlas",
    "atlas_provider",
    "atlas_deploy",
    "atlas_import",
    "atlas_toolchain",
    "atlas_cli",
}
UNWANTED = ("__pycache__", ".pyc", "/tests/")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources(folder: Path) -> list[Path]:
    """The files of a folder that git has or would have."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", str(folder)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git work tree")
    paths = (Path(line) for line in listed.stdout.splitlines())
    return [path for path in paths if (ROOT / path).is_file() and path.name != ".gitkeep"]


def test_the_packages_are_in_it(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if ".dist-info" not in name} == PACKAGES


@pytest.mark.parametrize(
    "folder",
    [*(f"platform/{name}" for name in sorted(PACKAGES - {"atlas_cli"})), "atlas_cli"],
)
def test_every_file_of_the_packages_is_in_it(folder: str, names: set[str]) -> None:
    wanted = {path.as_posix().removeprefix("platform/") for path in sources(ROOT / folder)}
    assert wanted - names == set()


def test_the_platforms_program_and_data_are_in_it(names: set[str]) -> None:
    paths = [
        *sources(ROOT / "infra"),
        *sources(ROOT / "platform" / "services"),
        Path("Pulumi.yaml"),
    ]
    assert {f"atlas_deploy/_root/{path.as_posix()}" for path in paths} - names == set()


def test_nothing_of_the_machine_is_in_it(names: set[str]) -> None:
    ours = [name for name in names if not name.startswith("atlas/scaffold/texts/")]
    assert [name for name in ours if any(part in name for part in UNWANTED)] == []


def test_both_commands_are_in_it(names: set[str]) -> None:
    assert [name for name in names if name.endswith("entry_points.txt")]
