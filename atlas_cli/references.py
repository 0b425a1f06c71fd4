"""Platforms that were stood up elsewhere: their outputs, by a reference to the platform's stack.

Where a project keeps its stacks in a backend that is shared, the stack of the platform may be
there too, though nothing of it was brought up on this machine. Its outputs are read from it, and
a copy is kept where those of a platform brought up here would be, which is where all of the SDK
looks for them.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project
    from atlas_cli.stacks.backend import Backend

_OUTPUT = "platform"
_STACK = "pulumi:pulumi:Stack"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MARK = "followed"
"""File beside a copy that was made here: no other outputs are ever removed."""


def follow(project: Project, environment: Environment) -> None:
    """Read anew the outputs of an Environment's platform, where it was stood up elsewhere.

    Nothing is read where the Environment names a file of outputs, where stacks are kept in the
    state folder, or where `atlas up` has the platform on this machine.

    Raises:
        PlatformError: the stack's output is no platform's.
        DeployError: the backend can't be read.
    """
    if not environment.outputs:
        follow_stack(project, environment.platform)


def services_here(project: Project, environment: Environment) -> Mapping[str, Any]:
    """Return the services of an Environment's platform, wherever it was stood up; else none.

    Raises:
        PlatformError: its outputs can't be read.
        DeployError: the backend can't be read.
        DocumentError: the outputs file that the Environment names isn't there.
    """
    from atlas.load import platform_services

    follow(project, environment)
    return platform_services(project, environment)


def follow_stack(project: Project, name: str) -> None:
    """Read anew the outputs of the platform of a name, as `follow` does, once a process."""
    if not _NAME.fullmatch(name):
        raise PlatformError(
            f"platform {clean(name)}: no stack is called so; expected letters, digits, '.', '_' "
            "and '-'"
        )
    if project.backend or os.environ.get("ATLAS_BACKEND"):
        _follow(project, name)


@cache
def _follow(project: Project, name: str) -> None:
    """Read the outputs of a platform from its stack, and keep them."""
    from atlas import files
    from atlas_cli import platforms
    from atlas_cli.stacks.backend import Backend
    from atlas_cli.stacks.keeping import keeping

    if keeping(Backend(project.state)).exists(platforms.PROJECT, name):
        return
    found = _outputs(Backend.of(project), name)
    copy = platforms.outputs_file(project.state, name)
    mark = copy.with_name(_MARK)
    if found is not None:
        files.write(mark, "")
        files.write(copy, json.dumps(found, indent=2) + "\n")
    elif mark.exists():
        files.remove(copy)
        files.remove(mark)


def _outputs(backend: Backend, name: str) -> Mapping[str, Any] | None:
    """Return the outputs that a platform's stack exports; None where there is no such stack."""
    from atlas_cli import platforms
    from atlas_cli.stacks.keeping import keeping

    kept = keeping(backend)
    resources = kept.checkpoint(platforms.PROJECT, name).get("resources", ())
    exported = [one.get("outputs", {}) for one in resources if one["type"] == _STACK]
    if not exported or _OUTPUT not in exported[0]:
        return None
    found = exported[0][_OUTPUT]
    if not isinstance(found, dict) or not isinstance(found.get("services"), dict):
        where = kept.where(platforms.PROJECT, name)
        raise PlatformError(
            f"platform {name}: the output `{_OUTPUT}` of its stack, {where}, is no platform's: "
            "services expected, in plain text; `pulumi up` of this Atlas's own program writes it"
        )
    return found
