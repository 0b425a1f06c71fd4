"""Importing Atlas imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys


def test_importing_atlas_imports_nothing_heavy() -> None:
    code = "import sys, atlas; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "numpy", "pyarrow", "jsonschema", "kfp", "mlflow", "typer", "sklearn"}
    assert not heavy & set(done.stdout.split())
