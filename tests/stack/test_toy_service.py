"""A service that is added to a platform by a folder, a component and one line: up, used, down."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas_deploy.platforms import lifecycle
from tests.stack.conftest import Atlas, assert_nothing_left
from tests.toy_service import copy_with_toy

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class AtlasCopy(Atlas):
    """The `atlas` command of a copy of Atlas.

    Attributes:
        copy: the copy.
    """

    copy: Path

    @property
    def environment(self) -> dict[str, str]:
        paths = f"{self.copy / 'platform'}{os.pathsep}{self.copy}"
        return {**super().environment, "PYTHONPATH": paths}


@pytest.fixture
def atlas(tmp_path: Path) -> Iterator[AtlasCopy]:
    copied = AtlasCopy(tmp_path / "state", copy_with_toy(tmp_path, alone=True))
    yield copied
    copied.run("down")


def test_a_service_is_a_folder_a_component_and_a_line(atlas):
    up = atlas.run("up", "--json")
    outputs = json.loads(up.stdout)
    toy = outputs["services"]["toy"]
    assert set(outputs["services"]) == {"toy", "store", "secrets"}
    assert [line.split()[:2] for line in up.stderr.splitlines()][-1] == ["toy", "healthy"]

    assert atlas.run("outputs", "toy").stdout.strip() == toy["url"]
    password = atlas.run("outputs", "toy", "--secret").stdout.strip()
    with urllib.request.urlopen(f"{toy['url']}/hello.html", timeout=30) as response:
        shown = response.read().decode()
    assert shown == f"hello from {outputs['services']['store']['url']}, {password}\n"
    assert f"{toy['url']}/hello.html" in atlas.run("open", "toy").stdout

    again = atlas.run("up")
    assert again.stderr.strip() == "nothing to do: everything runs as it should"
    assert "sign in as atlas to toy; `atlas outputs toy --secret`" in again.stdout

    atlas.kill("toy")
    assert lifecycle.dead(atlas.state, "local") == ["toy"]
    assert "healthy again" in atlas.run("up").stderr
    assert json.loads(atlas.run("outputs", "--json").stdout) == outputs

    doomed = atlas.run("down", "--purge", "--yes").stderr
    assert str(atlas.state / "secrets" / "toy.json") in doomed
    assert_nothing_left(atlas, outputs)
