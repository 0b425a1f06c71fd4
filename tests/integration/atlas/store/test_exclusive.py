"""Who writes alone lets go when it is killed."""

from __future__ import annotations

import subprocess
import sys

from atlas.store import FolderLocation
from atlas.store.exclusive import exclusive

HOLD = """
import sys, time
from pathlib import Path
from atlas.store import FolderLocation
from atlas.store.exclusive import exclusive
with exclusive(FolderLocation(Path(sys.argv[1])), "a") as held:
    print(held, flush=True)
    time.sleep(600)
"""


def test_a_process_that_is_killed_lets_go(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"True\n"
    with exclusive(FolderLocation(tmp_path), "a") as held:
        assert not held
    child.kill()
    child.wait()
    child.stdout.close()
    with exclusive(FolderLocation(tmp_path), "a", wait=30) as held:
        assert held
