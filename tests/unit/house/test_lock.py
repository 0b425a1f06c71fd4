"""The lock: of this pyproject.toml, with hashes, and with no address of one machine in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from atlas_toolchain import catalog
from atlas_toolchain.tree import normal, pins

ROOT = Path(__file__).parents[3]
APART = {"xgboost", "catboost", "torch", "keras", "h5py"}
"""Libraries of formats that are no part of `dev`, for they weigh gigabytes together: CatBoost, PyTorch
and Keras were tried by hand alone. Of XGBoost, `dev` has the distribution without CUDA."""
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements() -> list[Requirement]:
    """All requirements of the core and of every extra, but those on the project itself."""
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    parsed = map(Requirement, lines)
    return [one for one in parsed if one.name not in (PROJECT["name"], *APART)]


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_lock_satisfies_pyproject(requirement: Requirement) -> None:
    version = pins(LOCK)[normal(requirement.name)]
    assert requirement.specifier.contains(Version(version), prereleases=True)


def test_every_pin_has_a_hash() -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(entries) == len(pins(LOCK))
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    "forbidden", ["://", "--index-url", "--find-links", "file:", "/home", "@ "]
)
def test_no_address_or_path_is_in_the_lock(forbidden: str) -> None:
    assert forbidden not in LOCK


def test_the_extra_dev_has_every_other_extra() -> None:
    named = {match for line in all_lines("dev") for match in [normal(Requirement(line).name)]}
    others = [r for r in requirements() if normal(r.name) not in named]
    core = {normal(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert {normal(r.name) for r in others} <= core


def all_lines(extra: str) -> list[str]:
    """The lines of an extra, those of the extras that it names among them."""
    lines = []
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            lines += [inner for name in requirement.extras for inner in all_lines(name)]
        else:
            lines.append(line)
    return lines


def test_the_engine_is_of_the_sdks_version() -> None:
    assert pins(LOCK)["pulumi"] == catalog.PULUMI


def test_set_up_takes_the_pythons_that_the_project_takes() -> None:
    assert catalog.PYTHON.startswith(PROJECT["requires-python"])
