"""The programs of a Kubeflow here: ``python -m atlas_toolchain.kubeflow_cluster SOURCE``.

Prints where they are, as JSON; builds into the cache what isn't there, unless ``--look`` is given.
SOURCE is a checkout of Kubeflow Pipelines: the newest release that is a Go module can't run Atlas's
packages. What is missing is said on standard error, and the exit code is 1.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_toolchain import cluster_tests, kubeflow_programs, kubeflow_source

if TYPE_CHECKING:
    from collections.abc import Sequence

_OLDEST = (2, 14)


def say(message: str) -> None:
    """Print a line of progress."""
    print(message, file=sys.stderr, flush=True)


def refusal(source: Path) -> str:
    """Return why a checkout can't be run, or ""."""
    release = kubeflow_source.release(source)
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        return (
            f"{source}: found Kubeflow Pipelines {release}, expected 2.14 or newer: before, it "
            "can't run Atlas's packages; check out a newer one"
        )
    return ""


def built() -> dict[str, str]:
    """Build what is missing; return why something couldn't be had, by name."""
    beside = Path(sys.executable).with_name("uv")
    uv = beside if beside.exists() else Path(shutil.which("uv") or "uv")
    plane = cluster_tests.get(say, kubeflow_programs.AROUND)
    tried = plane | kubeflow_programs.get(say, uv, api_only=False)
    return {name: why for name, why in tried.items() if why}


def found() -> dict[str, Any]:
    """Return where everything is; what isn't there has no place."""
    around = {name: cluster_tests.find(name) for name in kubeflow_programs.AROUND}
    own = {one.name: kubeflow_programs.find(one.name) for one in kubeflow_programs.PROGRAMS}
    others = {
        "metadata-python": kubeflow_programs.metadata_python(),
        "mariadbd": kubeflow_programs.mariadb(),
    }
    places = {**around, **own, **others}
    return {
        "release": kubeflow_programs.release(),
        "programs": {name: str(path) for name, path in places.items() if path is not None},
        "missing": sorted(name for name, path in places.items() if path is None),
        "definitions": [str(path) for path in kubeflow_programs.definitions()],
        "roles": [str(path) for path in kubeflow_programs.roles()],
    }


def main(words: Sequence[str]) -> int:
    """Print where the programs are."""
    source = words[0]
    os.environ[kubeflow_source.VARIABLE] = source
    try:
        place = kubeflow_source.place()
    except OSError as error:
        say(str(error).replace(f"{kubeflow_source.VARIABLE}=", "", 1))
        return 1
    why = refusal(place) if place else f"found no checkout '{source}'"
    failed = {"source": why} if why else {}
    if not failed and "--look" not in words:
        failed = built()
    for name, reason in failed.items():
        say(f"{name}: {reason}")
    if failed:
        return 1
    print(json.dumps(found()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
