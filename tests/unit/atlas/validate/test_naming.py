"""A Problem in a Recipe says of which pipelines it is, where others take the Recipe without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import DROP, shop, write


def configs(count: int, *, bad: int) -> dict[str, object]:
    """Return that many more Configs of the shop; a feature is missing in the first of them."""
    made: dict[str, object] = {}
    for number in range(count):
        changes = [("config.json", "name", f"shop-{number}")]
        if number < bad:
            changes.append(("config.json", "features.target", DROP))
        made[f"configs/{number}.json"] = shop(*changes)["config.json"]
    return made


def r008(folder: Path, files: dict[str, object]) -> list[str]:
    """Return the messages of features that the Configs haven't."""
    problems = check(write(folder, files)).problems
    return [one.message for one in problems if one.code == "R008"]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (1, "in 'shop-0'"),
        (3, "in 'shop-0', 'shop-1', 'shop-2'"),
        (5, "in 'shop-0', 'shop-1', 'shop-2' and 2 more"),
    ],
)
def test_the_pipelines_are_named(tmp_path: Path, bad: int, expected: str) -> None:
    found = r008(tmp_path, shop(**configs(6, bad=bad)))
    assert found
    assert all(f"has no feature 'target', {expected}" in line for line in found), found


def test_a_problem_of_all_pipelines_is_the_recipes(tmp_path: Path) -> None:
    files = shop(("config.json", "features.target", DROP), **configs(2, bad=2))
    found = r008(tmp_path, files)
    assert found
    assert all("has no feature 'target'" in line and ", in '" not in line for line in found), found
