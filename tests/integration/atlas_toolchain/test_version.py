from __future__ import annotations

import pytest

from atlas_toolchain.version import first_version, satisfies


@pytest.mark.parametrize(
    ("version", "needed", "expected"),
    [
        ("2.42.0+ds-5", ">=2.42", True),
        ("2.41.9", ">=2.42", False),
        ("10.0", ">=9", True),
        ("v3.250.0", "==3.250.0", True),
        ("3.250", "==3.250.0", True),
        ("4.0.0", ">=3.250.0,<4", False),
        ("3.14.0", ">=3.11,<3.14", False),
        ("3.11.0rc1", ">=3.11", True),
        ("2.0", "", True),
        ("", "", False),
        ("", ">=1", False),
        ("2.0", "~=2.0", False),
    ],
)
def test_satisfies(version: str, needed: str, expected: bool) -> None:
    assert satisfies(version, needed) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian/sid)", "2.42.0"),
        ("dot - graphviz version 2.43.0 (0)", "2.43.0"),
        ("docker-registry github.com/docker/distribution 2.8.2+ds1", "2.8.2"),
        ("git version 2.39.5", "2.39.5"),
        ("no daemon", ""),
    ],
)
def test_first_version(text: str, expected: str) -> None:
    assert first_version(text) == expected
