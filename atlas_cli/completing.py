"""What a shell completes: the values of options and arguments, beside their names.

Only a shell that asks reads this. A name comes from files that anybody may have written, and shells
evaluate what they complete: names with other than letters, digits and ``._-`` are left out.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Given = Mapping[str, Any]
    Complete = Callable[[Given], Iterable[str]]

ASKED = "_ATLAS_COMPLETE"
"""The variable by which a shell asks."""
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FLOWS = ("training", "inference")


def is_asked() -> bool:
    """Tell whether a shell asks this process what could follow."""
    return ASKED in os.environ


def prepare() -> None:
    """Have helps of commands sent to the shell as they are; typer imports `rich` for them."""
    from typer import _completion_classes as shells

    shells._sanitize_help_text = _as_it_is


def _as_it_is(text: str) -> str:
    return text


def attach(command: Any, name: str) -> None:
    """Let a command's options and arguments complete their values."""
    for param in command.params:
        complete = OF_COMMANDS.get((name, param.name), VALUES.get(param.name))
        if complete is not None:
            param.shell_complete = _completer(complete)


def _completer(complete: Complete) -> Any:
    def items(context: Any, incomplete: str) -> list[Any]:
        from typer._click.shell_completion import CompletionItem

        try:
            known = sorted(set(complete(_given(context))))
        except Exception:  # A shell has nowhere to show an error: there is nothing to complete.
            return []
        return [
            CompletionItem(one)
            for one in known
            if one.startswith(incomplete) and _SAFE.fullmatch(one)
        ]

    return items


def _given(context: Any) -> Given:
    """Return the parameters so far; an option that has no value yet leaves arguments unread."""
    unread = [word for word in context.args if not word.startswith("-")]
    return {**context.params, "path": unread[0]} if unread else context.params


def _path(given: Given) -> Path:
    from pathlib import Path

    return Path(given.get("path") or ".")


def _environments(given: Given) -> Iterable[str]:
    from atlas.environment import find_project

    folder = find_project(_path(given)).environment_file("local").parent
    return ("local", *(file.stem for file in folder.glob("*.json")))


def _configs(given: Given) -> Iterable[str]:
    from atlas.validate import check

    for checked in check(_path(given), given.get("env") or "local").checked:
        yield checked.file.config.name


def _steps(given: Given) -> Iterable[str]:
    from atlas.plan.resolve import pipelines
    from atlas.validate import check

    report = check(_path(given), given.get("env") or "local")
    for pipeline in pipelines(report, with_code=False):
        if not given.get("config") or {pipeline.name, pipeline.config} & set(given["config"]):
            yield from (step.name for plan in pipeline.plans.values() for step in plan.steps)


def _targets(_given: Given) -> Iterable[str]:
    from atlas.registered import target_names

    return target_names()


def _all_targets(given: Given) -> Iterable[str]:
    return ("local", *_targets(given))


def _formats(_given: Given) -> Iterable[str]:
    from atlas.draw.formats import FORMATS

    return FORMATS


def _stacks(_given: Given) -> Iterable[str]:
    from atlas.environment import state_folder

    files = (state_folder() / "platform").glob("*/outputs.json")
    return ("local", *(file.parent.name for file in files))


def _services(given: Given) -> Iterable[str]:
    return _addresses(given)


def _pages(given: Given) -> Iterable[str]:
    services = _addresses(given)
    return ["catalog", *(name for name, url in services.items() if url.startswith("http"))]


def _addresses(given: Given) -> Mapping[str, str]:
    """Return the address of each service of a platform; nothing of one that isn't up."""
    from atlas.environment import state_folder
    from atlas.errors import AtlasError
    from atlas_deploy.platforms.lifecycle import outputs

    try:
        services = outputs(state_folder(), given.get("stack") or "local")["services"]
    except AtlasError:
        return {}
    return {name: str(service["url"]) for name, service in services.items()}


def _of(*words: str) -> Complete:
    return lambda _given: words


VALUES: dict[str, Complete] = {
    "env": _environments, "config": _configs, "flow": _of(*_FLOWS), "target": _all_targets,
    "from_": _steps, "until": _steps, "only": _steps, "stack": _stacks, "format": _formats,
    "isolate": _of("auto", "none", "process", "image"), "direction": _of("higher", "lower"),
    "builder": _of("docker", "podman", "buildah"), "service": _services,
}  # fmt: skip
"""Name of a parameter → what it completes."""
OF_COMMANDS: dict[tuple[str, str], Complete] = {
    ("compile", "target"): _targets,
    ("open", "service"): _pages,
    ("backfill", "from_"): _of(),
    ("backfill", "reprocess"): _of("none", "failed", "completed"),
}
"""Command and name of a parameter → what it completes there."""
