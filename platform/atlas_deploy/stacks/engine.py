"""Where Pulumi's engine is: on PATH, or where `make setup` and `atlas doctor --install` put it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from semver import VersionInfo

_SECONDS = 60.0


class Engine(NamedTuple):
    """An engine that works with the installed Pulumi SDK.

    Attributes:
        path: the executable.
        version: its version, without a v.
    """

    path: Path
    version: str


def needed() -> str:
    """Return the versions that work with the SDK: its own, or newer of its major version."""
    sdk = VersionInfo.parse(version("pulumi"))
    return f">={sdk},<{sdk.major + 1}"


def cached() -> Path:
    """Return where the engine of the SDK's version is kept, whether it is there or not."""
    home = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    return base / "atlas" / f"pulumi-{version('pulumi')}" / "bin" / "pulumi"


def find() -> Engine | None:
    """Return the engine on PATH if its version works, else the one in the cache, else None."""
    on_path = shutil.which("pulumi")
    if on_path and Path(on_path).resolve() == cached().resolve():
        # It was asked when it was put there.
        return Engine(Path(on_path), version("pulumi"))
    candidates = (on_path, cached())
    engines = (_engine(Path(path)) for path in candidates if path)
    return next(filter(None, engines), None)


def _engine(path: Path) -> Engine | None:
    """Return the engine at a path, if it runs and its version works."""
    numbers = re.search(r"\d+\.\d+\.\d+", _answer(path))
    if numbers is None:
        return None
    engine, sdk = VersionInfo.parse(numbers[0]), VersionInfo.parse(version("pulumi"))
    works = sdk <= engine < VersionInfo(sdk.major + 1)
    return Engine(path, numbers[0]) if works else None


def _answer(path: Path) -> str:
    """Return what an executable prints as its version; empty where it can't be run."""
    # Even this writes a log, into the home that it is given.
    home = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(cached().parents[1] / "home")}
    try:
        return subprocess.run(  # noqa: S603 - the engine that the user has chosen
            [path, "version"],
            env={**os.environ, **home},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
