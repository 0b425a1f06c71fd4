"""Checking rules with promtool, the program that comes with Prometheus."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60.0
_LINES = 6
_STDIN = "/dev/stdin"


def program() -> str:
    """Return the path of promtool.

    Raises:
        PlatformError: it isn't on PATH.
    """
    path = shutil.which("promtool")
    if path is None:
        raise PlatformError(
            "promtool: not found on PATH; rules are loaded only after it has checked them; "
            "install Prometheus, which it comes with (Debian: `apt-get install prometheus`)"
        )
    return path


def ailment(content: bytes | Path) -> str:
    """Return what is wrong with a rule file; empty for nothing.

    Args:
        content: what is in the file, or where it is.

    Raises:
        PlatformError: promtool can't be run.
    """
    file, text = (_STDIN, content) if isinstance(content, bytes) else (str(content), b"")
    try:
        done = subprocess.run(  # noqa: S603 - Prometheus's own program
            [program(), "check", "rules", file],
            input=text,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PlatformError(f"promtool: can't be run: {error}") from error
    return "" if done.returncode == 0 else _reason(done.stdout + done.stderr)


def _reason(printed: bytes) -> str:
    """Return promtool's own words, without the name of the file that it was given."""
    lines = printed.decode("utf-8", "replace").replace(f"{_STDIN}: ", "").splitlines()
    words = [line.strip() for line in lines if line.strip() and line.strip() != "FAILED:"]
    words = [line for line in words if not line.startswith(("Checking ", "SUCCESS"))]
    return "; ".join(words[:_LINES]) or "promtool refuses it"
