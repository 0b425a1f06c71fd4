"""The official manifests of services, where a machine has them: tests of our patches and policies.

They come from the folder that `ATLAS_MANIFESTS` names, or from the cache of what was rendered on
this machine. In the folder a file is found by what it says, whatever it is called.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from infra.manifests.objects import Manifest, digest, read, without_hooks
from infra.manifests.rendering import Manifests
from infra.manifests.sources import Rendering, renderings

SERVICES = Path(__file__).parents[1] / "platform" / "services"
VARIABLE = "ATLAS_MANIFESTS"


def rendering(service: str, name: str) -> Rendering:
    """Return a rendering that is pinned."""
    return renderings(SERVICES / service)[name]


def official(service: str, name: str) -> list[Manifest]:
    """Return the objects of a rendering; skip the test where this machine hasn't got them."""
    wanted = rendering(service, name)
    kept = Manifests()._kept(wanted)
    found = _in_folder().get(wanted.sha256) if kept is None else kept
    if found is None:
        pytest.skip(f"no official manifests of {wanted}: name a folder of them in {VARIABLE}")
    return found


@cache
def _in_folder() -> dict[str, list[Manifest]]:
    """Return what the folder has, by digest."""
    folder = os.environ.get(VARIABLE)
    files = sorted(Path(folder).rglob("*.yaml")) if folder else []
    found = [without_hooks(read(file.read_text("utf-8"), str(file))) for file in files if _is(file)]
    return {digest(objects): objects for objects in found}


def _is(file: Path) -> bool:
    """Tell whether a file has objects; values of charts have none."""
    return "\nkind:" in file.read_text("utf-8")
