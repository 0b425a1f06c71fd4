"""Reading what a platform offers: the outputs that its stack, or a person, has written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.advice import bring_up, note_target
from atlas.errors import DocumentError, PlatformError, Problem
from atlas.registered import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project


VERSION = 1
"""Of the outputs that this Atlas reads: `infra.outputs.VERSION`, and a test holds them together."""


def platform_services(project: Project, environment: Environment) -> Mapping[str, Any]:
    """Return the services of an Environment's platform; of one that isn't up, none.

    Raises:
        PlatformError: its outputs can't be read, or are of another version.
        DocumentError: the outputs file that the Environment names isn't there.
    """
    named = environment.outputs
    file = project.state / "platform" / environment.platform / "outputs.json"
    path = project.root / named if named else file
    try:
        outputs = json.loads(path.read_text("utf-8"))
        services: Mapping[str, Any] = outputs["services"]
    except FileNotFoundError:
        if not named:
            return {}
        message = f"names outputs that aren't there: {named}"
        shown = str(project.environment_file(environment.name))
        raise DocumentError(Problem(code="E002", message=message, file=shown)) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlatformError(f"{path}: can't be read as a platform's outputs: {error}") from None
    require_version(outputs, named or environment.platform, bring_up("brings it up again"))
    note_target(outputs.get("target", ""))
    return of_environment(services, environment)


def of_environment(services: Mapping[str, Any], environment: Environment) -> Mapping[str, Any]:
    """Return a platform's services as an Environment uses them, with its settings of targets."""
    completed: dict[str, Any] = {}
    for name, line in TARGETS.items():
        given = {
            setting: value for setting in line.settings if (value := getattr(environment, setting))
        }
        if given and name in services:
            completed[name] = {**services[name], **given}
    return {**services, **completed} if completed else services


def require_version(outputs: Mapping[str, Any], platform: str, hint: str) -> None:
    """Refuse outputs of another version than this Atlas reads.

    Args:
        outputs: the outputs.
        platform: whose they are, for the message.
        hint: what else to do than to use the Atlas that wrote them.

    Raises:
        PlatformError: D015, they are of another version.
    """
    version = outputs.get("version", VERSION)
    if version != VERSION:
        by = "a newer" if isinstance(version, int) and version > VERSION else "another"
        raise PlatformError(
            f"platform {platform}: its outputs are of version {version}, this Atlas reads "
            f"{VERSION}: {by} Atlas stood it up; use that one, or {hint}",
            code="D015",
        )
