"""`python -m atlas.targets.kubeflow.local_process FOLDER`: run one compiled pipeline by kfp.local.

What the steps did, they record in the store; this process says only whether kfp.local failed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

from atlas import files
from atlas.advice import command
from atlas.containers import docker_api, find_engine
from atlas.errors import AtlasError
from atlas.targets.kubeflow.folder import JOB, PACKAGE, RunFolder

_COLOR = re.compile(r"\x1b\[\d+m")
_IMAGE = re.compile(r"image|manifest|pull|registry", re.IGNORECASE)


def main(arguments: list[str]) -> int:
    """Run the pipeline of a folder and record how that ended."""
    folder = RunFolder(Path(arguments[0]))
    job = json.loads((folder.path / JOB).read_bytes())
    try:
        _run(folder.path, job)
    except BaseException as error:
        traceback.print_exc()
        folder.end(error=_reason(error, job))
        return 1
    folder.end()
    return 0


def _run(folder: Path, job: dict[str, Any]) -> None:
    """Run the pipeline through kfp.local, over the engine's Docker API."""
    engine = find_engine(Path(job["state"]), job["engine"])
    if engine is None:
        raise AtlasError(f"{job['engine']} doesn't answer any more")
    with docker_api(engine) as host:
        os.environ["DOCKER_HOST"] = host
        import docker
        from kfp import components, local

        from atlas.targets.kubeflow.lasting import LastingClient

        docker.from_env = LastingClient.from_env
        root = folder / "root"
        files.make_folder(root)
        local.init(runner=_runner(job), pipeline_root=str(root), workspace_root=str(folder / "own"))
        pipeline = components.load_component_from_file(str(folder / PACKAGE))
        pipeline(**job["arguments"])


def _runner(job: dict[str, Any]) -> Any:
    """Return kfp.local's runner: what every container of the run is given."""
    from docker.types import Mount
    from kfp import local

    return local.DockerRunner(
        environment={name: os.environ[of] for name, of in job["variables"].items()},
        mounts=[
            *(Mount(folder, folder, type="bind") for folder in job["folders"]),
            *(Mount(file, file, type="bind", read_only=True) for file in job["files"]),
        ],
        **job["container"],
    )


def _reason(error: BaseException, job: dict[str, Any]) -> str:
    """Say what made kfp.local fail, in one line, with the way out where it is known."""
    text = _COLOR.sub("", " ".join(str(error).split()))
    if type(error).__name__ in ("ImageNotFound", "NotFound", "APIError") and _IMAGE.search(text):
        images = ", ".join(job["images"])
        return f"an image isn't in {job['engine']} ({images}): {text}; {command('build')} builds it"
    return f"kfp.local: {type(error).__name__}: {text}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
