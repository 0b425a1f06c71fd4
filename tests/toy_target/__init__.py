"""A target from outside of Atlas, and its installation: a module and an entry point, no more."""

from __future__ import annotations

import shutil
from pathlib import Path

MODULE = "atlas_toy"


def install(
    folder: Path, name: str = "toy", value: str = f"{MODULE}:TARGET", package: str = MODULE
) -> Path:
    """Put the package into a folder, as an installer would; return the folder for PYTHONPATH."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[atlas.targets]\n{name} = {value}\n")
    shutil.copy(Path(__file__).with_name(f"{MODULE}.py"), folder)
    return folder
