"""uv, as a program: it resolves requirements to locks, and installs locks into folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import DeployError, UvError, redacted

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_uv(*arguments: str | Path, stdin: str = "", folder: Path | None = None) -> None:
    """Run uv.

    Args:
        arguments: what to do.
        stdin: text that it reads.
        folder: where relative paths begin.

    Raises:
        DeployError: there is no uv.
        UvError: uv failed; its message is uv's own reason.
    """
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(  # noqa: S603 - a list, no shell
        [program(), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        cwd=folder,
        check=False,
    )
    if done.returncode:
        raise UvError(reason(done.stderr))


def program() -> str:
    """Return the path of uv: of this Python's installation, else of PATH.

    Raises:
        DeployError: there is none.
    """
    own = Path(sysconfig.get_path("scripts")) / "uv"
    path = str(own) if own.is_file() else shutil.which("uv")
    if not path:
        raise DeployError(
            "there is no uv, which locks requirements; to get it: pip install uv", code="I202"
        )
    return path


def reason(output: str) -> str:
    """Return what uv printed, in lines without marks, passwords or empty ones."""
    lines = (re.sub(r"^[^\w'\"<(]+", "", line).rstrip() for line in output.splitlines())
    shown: Sequence[str] = [line for line in lines if line]
    return "\n  ".join(redacted(line) for line in shown) or "it failed and printed nothing"
