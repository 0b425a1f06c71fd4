"""The image that a monitor's tasks run in: of its own, and with nothing of the pipeline in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.images import desired_images, monitor_image
from atlas.images.lock import MONITOR
from atlas.plan import Pipeline, code_files, resolve
from tests.unit.atlas.shop import DROP, shop, write

C, E = "config.json", "environments/local.json"


def pipelines(folder: Path, *changes: tuple[str, str, Any]) -> list[Pipeline]:
    return resolve(write(folder, shop((C, "retraining", {"new_labels": 10}), *changes)))


def test_it_is_built_with_the_images_of_steps(tmp_path):
    (one,) = pipelines(tmp_path)
    image = monitor_image(one)
    assert image is not None
    assert image.full in {desired.full for desired in desired_images([one])}
    assert image.full not in {desired.full for desired in desired_images([one], monitors=False)}
    assert [found.full for found in desired_images([one], image.name)] == [image.full]


def test_a_change_of_the_pipelines_code_changes_nothing_of_it(tmp_path):
    (before,) = pipelines(tmp_path / "a")
    (after,) = pipelines(
        tmp_path / "b", ("steps.py", "import pandas", "import pandas  # new\nimport pandas")
    )
    first, second = monitor_image(before), monitor_image(after)
    assert first is not None
    assert second is not None
    assert before.plans["training"].code != after.plans["training"].code
    assert first.full == second.full


def test_a_family_has_one(tmp_path):
    family = pipelines(tmp_path, (C, "matrix", {"region": ["emea", "apac"]}))
    own = [image for image in desired_images(family) if image.folder == MONITOR]
    assert len(own) == 1


def test_there_is_none_without_a_rule(tmp_path):
    (one,) = pipelines(tmp_path, (C, "retraining", DROP))
    assert monitor_image(one) is None


def test_it_has_neither_git_nor_pulumi_and_its_lock_holds():
    """The lock is Atlas's own, and is made again by `make lock`."""
    names = {
        line.split("==")[0]
        for line in (MONITOR / "requirements.lock").read_text().splitlines()
        if "==" in line and line[0].isalnum()
    }
    assert {"numpy", "pyarrow", "s3fs", "jsonschema"} <= names
    assert not {name for name in names if "pulumi" in name or "git" in name}
    assert {file.name for file in code_files(MONITOR)} <= {"requirements.txt", "requirements.lock"}


@pytest.mark.parametrize("base", ["python:3.11-slim", "python:3.13-slim"])
def test_its_lock_holds_for_every_python(tmp_path, base):
    (one,) = pipelines(tmp_path, ("pyproject.toml", "", f'[tool.atlas]\nbase-image = "{base}"\n'))
    image = monitor_image(one)
    assert image is not None
    assert image.base == base
    assert image.lock.fresh
