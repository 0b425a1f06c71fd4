"""The Dockerfiles that put an image together; they only copy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.images.builders import DEFAULT_PATH
from atlas.images.venv import CODE, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "10001:10001"
"""Who runs in an image when nobody says who: not root, and no user of the base."""
COMMAND = ("python", "-m", "atlas.step")
"""What runs in an image when nothing else is asked for."""
CODE_VARIABLE = "ATLAS_CODE_FOLDER"
"""The variable by which a step knows the code that its image carries."""
ROOT = "root"
"""The folder of a build's context that is copied to ``/``."""


def environment_dockerfile(foundation: str, variables: Mapping[str, str]) -> str:
    """Return the Dockerfile of a foundation with the locked packages in it.

    Args:
        foundation: the base, or the image of the user's Dockerfile.
        variables: the environment that it has.
    """
    path = f"{PREFIX}/bin:{variables.get('PATH') or DEFAULT_PATH}"
    lines = (f"FROM {foundation}", f"COPY {ROOT}/ /", f"ENV PATH={json.dumps(path)}")
    return "\n".join((*lines, ""))


def final_dockerfile(environment: str) -> str:
    """Return the Dockerfile of an environment with Atlas and the pipeline's code in it."""
    variables = {
        CODE_VARIABLE: CODE,
        "HOME": "/tmp",  # noqa: S108 - any user can write there, and no other folder is sure
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return "\n".join(
        (
            f"FROM {environment}",
            f"COPY {ROOT}/ /",
            *(f"ENV {name}={value}" for name, value in variables.items()),
            "WORKDIR /tmp",
            f"USER {USER}",
            "ENTRYPOINT []",
            f"CMD {json.dumps(COMMAND)}",
            "",
        )
    )
