"""The module that runs scripts of Elyra in a pipeline of Atlas, as it is written there."""

RUNNER = '''"""Runs a script as Elyra does: in a folder of its own, with files of earlier steps."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def run_script(script: str, inputs: dict[str, Path], outputs: list[str]) -> list[Path]:
    """Run a script of this folder, and return the files that it has made.

    Args:
        script: its path from here.
        inputs: path in the script's folder → the file that is put there.
        outputs: paths in the script's folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="step-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if (HERE / "files").is_dir():
        shutil.copytree(HERE / "files", folder, dirs_exist_ok=True)
    for name, path in inputs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    for name in outputs:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, str((HERE / script).resolve())]
    subprocess.run(program, cwd=folder, env=dict(os.environ), check=True)
    return [folder / name for name in outputs]
'''
