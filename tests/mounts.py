"""What tests, or engines that they started, mounted."""

from __future__ import annotations

import subprocess
from pathlib import Path


def unmount_below(folder: Path) -> None:
    """Unmount what is mounted below a folder: an engine that is killed leaves its layers mounted."""
    inside = f"{folder.resolve()}/"
    mounts = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    for mounted in sorted((path for path in mounts if path.startswith(inside)), reverse=True):
        subprocess.run(["umount", "-l", mounted], check=True)
