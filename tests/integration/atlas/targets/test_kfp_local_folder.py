"""kfp.local starts one process, and its end is on record."""

from __future__ import annotations

import os
import time

from tests.unit.atlas.targets.test_kfp_local_folder import folder

__all__ = ["folder"]


def test_one_process_is_started_and_its_end_is_on_record(folder):
    job = {"state": str(folder.path), "engine": "podman", "images": []}
    variables = {**os.environ, "PATH": ""}
    assert folder.start(job, b"", variables)
    assert not folder.start(job, b"", variables), "a second start starts nothing"
    while folder.is_alive:
        time.sleep(0.05)
    assert folder.ended == {"error": "kfp.local: AtlasError: podman doesn't answer any more"}
