"""The programs that render: on PATH, beside this Python, or where set-up has put them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pulumi import RunError

GIT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:file",
}  # fmt: skip
"""Variables with which git, asked for a source, executes nothing that a configuration names."""


def cached() -> Path:
    """Return the folder in which `atlas doctor --install` keeps Helm and Kustomize."""
    home = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    return base / "atlas" / "manifests" / "bin"


def find(tool: str) -> str:
    """Return the path of a program that renders.

    Raises:
        RunError: there is none.
    """
    beside = os.pathsep.join((str(Path(sys.executable).parent), str(cached())))
    path = shutil.which(tool) or shutil.which(tool, path=beside)
    if path is None:
        raise RunError(
            f"{tool}: not on PATH; expected it, to render manifests: `atlas doctor --install "
            "--cluster` gets it; or name a folder of rendered manifests in atlas:manifests"
        )
    return path
