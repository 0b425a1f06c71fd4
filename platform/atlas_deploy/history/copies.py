"""From which folders a project is deployed, so that a copy of one isn't taken for the project.

    <store>/deployments/owners/folders/<project>/<folder>@<stack>   the folder's path

A copied project has its id. Were it deployed, each of the two would replace the other's DAGs, and
with no message. Two checkouts of one folder of one repository are one project all the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.environment import find_project
from atlas.errors import AtlasError, DeployError, clean
from atlas.kinds.ownership import FOLDER
from atlas_deploy.desired.identity import checkout_of

if TYPE_CHECKING:
    from atlas.environment import Project
    from atlas.store import Location
    from atlas_deploy.desired.deployment import Deployment

_LONGEST = 300
_DIGITS = 16


def require_original(place: Location, deployment: Deployment) -> None:
    """Refuse a folder that is a copy of one from which its project is deployed.

    A project without an id of its own is known by its folder, so that a copy of it is another one.

    Args:
        place: the platform's store.
        deployment: what is to be deployed or destroyed from a folder.

    Raises:
        DeployError: D018, it is such a copy.
    """
    project = deployment.project
    if not project.id:
        return
    seen = {_digest(str(project.root))}
    for name in place.names(_folder(project)):
        root = name.partition("@")[0]
        if root not in seen:
            seen.add(root)
            other = _read(place, f"{_folder(project)}/{name}")
            if other and _is_copied(project, Path(other)):
                raise _copied(project, other)


def remember(place: Location, deployment: Deployment) -> None:
    """Record the folder from which a stack is deployed, in place of another one.

    Nothing is listed where it is recorded, so that a project of a thousand stacks stays quick: the
    other one is forgotten before this one is written.
    """
    root = str(deployment.project.root)
    key = f"{_folder(deployment.project)}/{_digest(root)}@{deployment.stack}"
    if deployment.project.id and not place.exists(key):
        forget(place, deployment)
        place.write(key, root.encode("utf-8", "surrogateescape"))


def forget(place: Location, deployment: Deployment) -> None:
    """Forget from which folder a stack was deployed: it is destroyed."""
    folder = _folder(deployment.project)
    for name in place.names(folder) if deployment.project.id else ():
        if name.partition("@")[2] == deployment.stack:
            place.remove(f"{folder}/{name}")


def _is_copied(project: Project, other: Path) -> bool:
    """Tell whether another folder is there, has the id, and isn't a checkout of the same."""
    try:
        other_project = find_project(other)
        is_same = other_project.root == other and other_project.id == project.id
    except (AtlasError, OSError, ValueError):
        return False
    checkout = checkout_of(project.root) if is_same else ""
    return is_same and not (checkout and checkout == checkout_of(other))


def _copied(project: Project, other: str) -> DeployError:
    return DeployError(
        f"project {project.id} is deployed from {clean(other, _LONGEST)}, and {project.root} "
        "is another folder with the same id: one is a copy of the other; expected an id of its own "
        f'for each: write another id, such as "{project.id}-2", under [tool.atlas] in the '
        "pyproject.toml of the copy",
        code="D018",
    )


def _read(place: Location, key: str) -> str:
    """Return a folder's path; empty where it has just been forgotten."""
    try:
        return place.read(key).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _folder(project: Project) -> str:
    return f"{FOLDER}/folders/{_digest(project.id)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
