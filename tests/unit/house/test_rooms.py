"""`platform/` is a source root, and no folder of ours hides a module that others import."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["__init__.py", "platform.py", "__init__.pyi", "uuid.py"])
def test_platform_is_no_package(name: str) -> None:
    assert not (ROOT / "platform" / name).exists()


def test_only_the_packages_and_data_are_in_platform() -> None:
    found = {path.name for path in (ROOT / "platform").iterdir() if path.name[0] not in "._"}
    assert found == {
        "atlas",
        "atlas_provider",
        "atlas_deploy",
        "atlas_import",
        "atlas_toolchain",
        "services",
    }


def test_services_are_data_without_code() -> None:
    assert list((ROOT / "platform" / "services").rglob("*.py")) == []
