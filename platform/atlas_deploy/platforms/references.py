"""Platforms that were created elsewhere: their outputs, by a reference to the platform's stack.

A platform is brought up by `atlas up`, or by `pulumi up` in a clone, here or elsewhere. Its
stack is then where Atlas's settings say that stacks are kept (``ATLAS_BACKEND``, or ``backend`` in
``[tool.atlas]``), or where Pulumi's do (``PULUMI_BACKEND_URL``, or what `pulumi login` has chosen).
Its outputs are read from it, and a copy is kept where those of `atlas up` would be, which is where
all of the SDK looks for them.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from atlas.errors import DeployError, PlatformError, clean
from atlas.uris import uri_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project
    from atlas_deploy.stacks.backend import Backend

_OUTPUT = "platform"
_STACK = "pulumi:pulumi:Stack"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MARK = "followed"
"""File beside a copy that was made here, with the backend; no other outputs are ever removed."""


def follow(project: Project, environment: Environment, *, needed: bool = False) -> None:
    """Read the outputs of an Environment's platform again, where it was created elsewhere.

    Nothing is read where the Environment names a file of outputs, or where `atlas up` has the
    platform on this machine.

    Args:
        project: the project.
        environment: the Environment.
        needed: whether nothing can be done without the platform; else Pulumi's own backend is
            looked at only where that is a folder of this machine, which takes no time.

    Raises:
        PlatformError: the stack's output isn't a platform's.
        DeployError: the backend can't be read.
    """
    if not environment.outputs:
        follow_stack(project, environment.platform, needed=needed)


def services_here(project: Project, environment: Environment) -> Mapping[str, Any]:
    """Return the services of an Environment's platform, wherever it was created; else none.

    Raises:
        PlatformError: its outputs can't be read.
        DeployError: the backend can't be read.
        DocumentError: the outputs file that the Environment names isn't there.
    """
    from atlas.load import platform_services

    follow(project, environment)
    return platform_services(project, environment)


def follow_stack(project: Project, name: str, *, needed: bool = True) -> None:
    """Read the outputs of the platform of a name again, as `follow` does, once a process."""
    if not _NAME.fullmatch(name):
        raise PlatformError(
            f"platform {clean(name)}: no stack is called so; expected letters, digits, '.', '_' "
            "and '-'"
        )
    copy = project.state / "platform" / name / "outputs.json"
    if copy.exists() and not copy.with_name(_MARK).exists():
        return  # `atlas up` has written it.
    urls = _urls(project, needed=needed)
    if urls:
        _follow(project, name, urls)


def followed(state: Path, name: str) -> str:
    """Return where the stack of a platform is that was created elsewhere; empty for none."""
    try:
        return (state / "platform" / name / _MARK).read_text("utf-8").strip()
    except OSError:
        return ""


def forget(state: Path, name: str) -> None:
    """Take the outputs of a platform for those of `atlas up`, which has written them."""
    from atlas import files

    files.remove(state / "platform" / name / _MARK)


def is_of(state: Path, name: str) -> bool:
    """Tell whether the processes of a platform that was followed are in a state folder."""
    try:
        text = (state / "platform" / name / "outputs.json").read_text("utf-8")
        return bool(json.loads(text)["services"]["secrets"]["url"] == uri_of(state / "secrets"))
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _urls(project: Project, *, needed: bool) -> tuple[str, ...]:
    """Return where platforms' stacks may be: where Atlas's own settings say, then Pulumi's."""
    own = os.environ.get("ATLAS_BACKEND") or project.backend
    theirs = map(_in_files, (os.environ.get("PULUMI_BACKEND_URL", ""), logged_in()))
    near = [url for url in theirs if needed or url.startswith("file:")]
    return tuple(dict.fromkeys(url for url in (own, *near) if url))


def logged_in() -> str:
    """Return the backend that `pulumi login` has chosen for this user; empty for none."""
    home = os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi"
    try:
        url = json.loads(Path(home, "credentials.json").read_text("utf-8")).get("current")
    except (OSError, ValueError, AttributeError):
        return ""
    return url if isinstance(url, str) else ""


def _in_files(url: str) -> str:
    """Return a backend of Pulumi's as Atlas writes it: of one in files, an absolute URL.

    Pulumi takes ``file://~``, and paths that begin at the working directory, too.
    """
    if not url.startswith("file://"):
        return url
    from atlas_deploy.stacks.backend import without_options

    path = unquote(without_options(url).removeprefix("file://"))
    return uri_of(Path(path).expanduser().absolute())


@cache
def _follow(project: Project, name: str, urls: tuple[str, ...]) -> None:
    """Read the outputs of a platform from its stack, and keep them, with where it is."""
    from atlas import files
    from atlas_deploy.platforms import lifecycle

    copy = lifecycle.outputs_file(files.own(project.state), name)
    mark = copy.with_name(_MARK)
    for url in urls:
        outputs = _found(project, url, name)
        if outputs is not None:
            files.write(mark, f"{url.partition('?')[0]}\n")
            files.write(copy, json.dumps(outputs, indent=2) + "\n")
            return
    if followed(project.state, name) in {url.partition("?")[0] for url in urls}:
        files.remove(copy)
        files.remove(mark)


def _found(project: Project, url: str, name: str) -> Mapping[str, Any] | None:
    """Return the outputs of a platform whose stack is in the backend at a URL; None for none.

    Raises:
        DeployError: Atlas's own settings name the backend, and it can't be read. One of Pulumi's
            may be for something else.
    """
    from atlas_deploy.stacks.backend import Backend

    if url == (os.environ.get("ATLAS_BACKEND") or project.backend):
        return _outputs(Backend.of(project), name)
    try:
        return _outputs(Backend(project.state, url), name)
    except DeployError:
        return None


def _outputs(backend: Backend, name: str) -> Mapping[str, Any] | None:
    """Return the outputs that a platform's stack exports; None where there is no such stack."""
    from atlas_deploy.platforms import lifecycle
    from atlas_deploy.stacks.keeping import keeping

    kept = keeping(backend)
    resources = kept.checkpoint(lifecycle.PROJECT, name).get("resources", ())
    exported = [resource.get("outputs", {}) for resource in resources if resource["type"] == _STACK]
    if not exported or _OUTPUT not in exported[0]:
        return None
    output = exported[0][_OUTPUT]
    if not isinstance(output, dict) or not isinstance(output.get("services"), dict):
        where = kept.where(lifecycle.PROJECT, name)
        raise PlatformError(
            f"platform {name}: the output `{_OUTPUT}` of its stack, {where}, isn't a platform's: "
            "services expected, in plain text; `pulumi up` of this Atlas's own program writes it"
        )
    return output
