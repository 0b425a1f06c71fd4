"""Every command of the CI's list, for real and in its order: from a fresh clone to a scored row.

Where this machine can build images, those of the list are built and pushed to the platform's
registry. ``ATLAS_TEST_STAGES_WITHOUT="Lint,Unit tests"`` leaves out stages that were run just before.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from atlas.scaffold.ci import Stage, stages
from atlas_deploy.platforms.ephemeral import EphemeralPlatform, ephemeral
from tests import yard as yards
from tests.releases import PERSON, Clone
from tests.yard import Yard

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(5400)]
ROOT = Path(__file__).parents[2]
LIST = stages("atlas", "HEAD~1")
WITHOUT = os.environ.get("ATLAS_TEST_STAGES_WITHOUT", "").split(",")
IMAGES = ("Build images", "Push images")
NO_BASE = ("I202", "I203")
"""Problems of a machine that has no container engine, or no base image for it."""


@pytest.fixture
def yard(tmp_path, platform) -> Iterator[Yard | None]:
    """A storage of images beside the platform's registry, which has a base image; None without."""
    if yards.why_not():
        yield None
        return
    port = urlsplit(platform.url("registry")).port
    made = Yard.beside(tmp_path / "yard", platform.state, port)
    try:
        made.push_base()
        yield made
    finally:
        made.close()


@pytest.fixture
def clone(tmp_path, yard) -> Clone:
    """A fresh clone whose last commit has changed one pipeline, `tumour`."""
    for words in (("--bare", str(ROOT), "remote.git"), ("remote.git", "work")):
        subprocess.run(["git", "clone", "-q", *words], cwd=tmp_path, check=True)
    made = Clone(tmp_path / "work")
    made.git("checkout", "-q", "-B", "main")
    if yard:
        made.append("recipes/pyproject.toml", f'base-image = "{yard.base}"\n')
        made.commit("The base image of this machine")
    made.edit("recipes/tumour/config.json", steps={"train": {"params": {"trees": 60}}})
    made.commit("Fewer trees")
    made.git("push", "-q", "-u", "origin", "main")
    made.git("checkout", "-q", "--detach")  # as Jenkins checks out
    return made


@pytest.fixture
def platform() -> Iterator[EphemeralPlatform]:
    """A platform with all services, as a team's would have them."""
    with ephemeral(seconds=5400.0) as made:
        yield made


def call(stage: Stage, clone: Clone, platform: EphemeralPlatform, yard: Yard | None) -> None:
    if stage.name in WITHOUT:
        return
    path = f"{clone.folder}/.venv/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", stage.command], cwd=clone.folder, capture_output=True, text=True,
        env={**platform.environment, **PERSON, **(yard.variables if yard else {}), "PATH": path},
        check=False,
    )  # fmt: skip
    told = f"{stage.name}: {stage.command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    has_none = yard is None and any(code in told for code in NO_BASE)
    if stage.name in IMAGES and done.returncode and has_none:
        return  # Nothing can be built here; the local platform runs steps without images.
    assert done.returncode == 0, told


def report(clone: Clone, name: str) -> Any:
    return json.loads((clone.folder / "reports" / f"{name}.json").read_text())


def test_from_commit_to_production_to_a_scored_row(clone, platform, yard):
    store = Path(urlsplit(platform.outputs["services"]["store"]["url"]).path)
    data = [sys.executable, str(ROOT / "recipes/tumour/make_data.py"), str(store / "data")]
    subprocess.run(data, check=True)
    for stage in LIST.stages:
        if stage.command and stage.when != "retraining":
            call(stage, clone, platform, yard)
    assert [one["pipeline"] for one in report(clone, "changed")] == ["tumour"]
    if yard:
        (pushed,) = report(clone, "push")
        (image,) = pushed["output"]["images"]
        assert yard.host in json.dumps(image)
    (released,) = report(clone, "release")
    (outcome,) = released["output"]
    assert outcome["release"] == "release/tumour-1"
    assert outcome["lock"]["models"]["tumour"]["version"] == "1"
    (deployed,) = report(clone, "production")
    assert deployed["command"][:4] == [
        "deploy",
        deployed["folder"],
        "--release",
        "release/tumour-1",
    ]
    smoke = "atlas list --in reports/release.json --each 'backfill --deployed --env production --from 2d'"
    call(Stage("Production", "production", "main", smoke), clone, platform, yard)
    parts = sorted((store / "data/scores").rglob("*.parquet"))
    assert parts
    assert len(pd.read_parquet(parts[-1])) == 100
    for stage in LIST.stages:
        if stage.when == "retraining":
            call(stage, clone, platform, yard)
