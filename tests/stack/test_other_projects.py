"""What one project has deployed, another one on the platform can neither replace nor destroy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.stack.deployed import pipeline

__all__ = ["pipeline"]
pytestmark = pytest.mark.stack

ATTACKS = ("preview", "deploy", "destroy")


def copied(pipeline, name: str, identity: str = "") -> Path:
    """Copy the project; under an id of its own, if one is given."""
    root = Path(shutil.copytree(pipeline.folder.parent, pipeline.folder.parents[1] / name))
    file = root / "pyproject.toml"
    if identity:
        file.write_text(file.read_text().replace("atlas-example-recipes", identity))
    config = root / pipeline.folder.name / "config.json"
    raw = json.loads(config.read_text())
    config.write_text(json.dumps({**raw, "steps": {"train": {"params": {"trees": 3}}}}))
    return root


def test_other_projects_and_copies_are_refused(pipeline):
    pipeline.deploy()
    before = (pipeline.dag_file.read_bytes(), pipeline.status())
    others = {"D018": copied(pipeline, "copy"), "D017": copied(pipeline, "other", "another-one")}
    for code, root in others.items():
        for command in ATTACKS:
            done = pipeline.platform.run(command, pipeline.folder.name, cwd=root, code=1)
            assert f"{code}: " in done.stderr, done.stderr
    assert (pipeline.dag_file.read_bytes(), pipeline.status()) == before
    assert pipeline.deploy() == []
