"""An owner of an ephemeral platform, to be killed: ``ephemeral_owner [ROOT]``.

It makes one and has a program run there, or joins that of ROOT; it prints the folder, and waits.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from atlas.waiting import wait_until
from atlas_provider import process_trees
from atlas_provider.ephemeral import EphemeralFolder
from atlas_provider.supervision import Supervisor

PROGRAM = "sleeper"


def run_program(folder: EphemeralFolder) -> None:
    """Start a program that has the platform's mark, as the provider starts services."""
    supervisor = Supervisor(folder.platform)
    supervisor.begin()
    place = folder.platform / PROGRAM
    place.mkdir()
    specification = place / "program.json"
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    environment = {process_trees.MARK: str(place)}
    text = {"directory": str(place), "command": command, "environment": environment}
    specification.write_text(json.dumps(text))
    supervisor.start(PROGRAM, specification, "TERM", 5)
    assert wait_until(lambda: process_trees.marked(str(place)), 60, 0.02)


def main() -> None:
    root = sys.argv[1:]
    folder = EphemeralFolder(Path(root[0])) if root else EphemeralFolder.make([], 3600)
    if not root:
        run_program(folder)
    tie = folder.join()
    print(folder.root if tie is not None else "gone", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
