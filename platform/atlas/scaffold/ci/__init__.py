"""One list of a pipeline's stages, from commit to production, and the files of three CI systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.load.projects import project_at
from atlas.scaffold import files
from atlas.scaffold.ci.github import workflow
from atlas.scaffold.ci.gitlab import pipeline
from atlas.scaffold.ci.jenkins import jenkinsfile
from atlas.scaffold.ci.stages import Stage, Stages, stages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

__all__ = ["FILES", "Stage", "Stages", "ci_text", "stages", "write_ci"]

FILES: dict[str, tuple[str, Callable[[Stages], str]]] = {
    "jenkins": ("Jenkinsfile", jenkinsfile),
    "github": (".github/workflows/atlas.yml", workflow),
    "gitlab": (".gitlab-ci.yml", pipeline),
}
"""CI system → its file, from the repository's top, and what writes that."""
_SINCE = {"jenkins": "${SINCE:-$GIT_PREVIOUS_SUCCESSFUL_COMMIT}"}
"""CI system → how its shell names the commit that changes count from; others have it in SINCE."""


def ci_text(system: str, project: str = "project") -> str:
    """Return the file of a CI system.

    Args:
        system: a key of `FILES`.
        project: ``project`` for a user's, ``atlas`` for Atlas's own repository.
    """
    since = _SINCE.get(system, "$SINCE")
    return FILES[system][1](stages(project, since))


def write_ci(folder: Path, systems: Collection[str]) -> list[Path]:
    """Write the files of CI systems into a project, and leave those that are there already.

    Returns:
        The files that were written.

    Raises:
        AtlasError: the folder is in no project, or another file is in the way: nothing is written.
    """
    project = project_at(folder)
    if not project.explicit:
        raise AtlasError(f"{folder}: is in no project; expected a pyproject.toml with [tool.atlas]")
    planned = [files.File(project.root / FILES[one][0], ci_text(one)) for one in systems]
    for file in planned:
        if file.obstacle():
            message = f"{file.path}: is there already, and differs, so nothing was written"
            raise AtlasError(f"{message}; move it away to have the new one")
    return files.write(planned)
