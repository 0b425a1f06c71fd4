"""Reading what a platform offers: the outputs that its stack, or a person, has written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import DocumentError, PlatformError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project


def platform_services(project: Project, environment: Environment) -> Mapping[str, Any]:
    """Return the services of an Environment's platform; of one that isn't up, none.

    Raises:
        PlatformError: its outputs can't be read.
        DocumentError: the outputs file that the Environment names isn't there.
    """
    named = environment.outputs
    file = project.state / "platform" / environment.platform / "outputs.json"
    path = project.root / named if named else file
    try:
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["services"]
    except FileNotFoundError:
        if not named:
            return {}
        message = f"names outputs that aren't there: {named}"
        shown = str(project.environment_file(environment.name))
        raise DocumentError(Problem(code="E002", message=message, file=shown)) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlatformError(f"{path}: can't be read as a platform's outputs: {error}") from None
    return found
