"""Platform stacks: bring one up, take it down, read its outputs.

The program is the root project's, `infra`, run by its path: in a checkout it lies at the root, in
an installed wheel inside this package.
"""

from __future__ import annotations

import json
import re
import runpy
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.advice import bring_up, command
from atlas.environment import find_project
from atlas.errors import PlatformError
from atlas.http.credentials import read_secret
from atlas.load.words import nearest
from atlas.uris import secret_file
from atlas_deploy.platforms import references
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.events import DONE
from atlas_deploy.stacks.keeping import keeping
from atlas_deploy.stacks.stack import Stack
from atlas_provider import process_trees
from atlas_provider.ephemeral import EphemeralFolder
from atlas_provider.supervision import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas_deploy.stacks.stack import Update

    Say = Callable[[str], None]

PROJECT = "atlas"
_WORDS = {
    **DONE,
    "Process:create": "healthy",
    "Process:update": "healthy again",
    "Process:delete": "stopped",
    "Database:delete": "stopped, its data stay",
    "Ports:delete": "free",
}
_END_SECONDS = 10.0
_SECRET = re.compile(r"\{secret:([a-z][a-z0-9-]*)")
"""How a file of a service names a secret."""
_PAGES = "open-"
"""How the names of the private pages begin that open a service."""


def up(state: Path, name: str, say: Say, provider: int = 0) -> Update:
    """Bring a platform up, or repair it; write its outputs to the state folder.

    Args:
        state: the state folder, absolute.
        name: the stack's name.
        say: takes a line of progress.
        provider: port of a provider that serves already; 0 for one of the engine's own.

    Raises:
        PlatformError: a service didn't come up, or the stack can't be updated.
    """
    _require_ours(state, name)
    update = _open(state, name, say, provider).up(words=_WORDS)
    text = json.dumps(update.outputs["platform"], indent=2) + "\n"
    files.write(outputs_file(state, name), text)
    references.forget(state, name)
    return update


def down(state: Path, name: str, say: Say) -> None:
    """Take a platform down: what Pulumi knows of, then whatever an interrupted `up` left.

    Raises:
        PlatformError: something can't be stopped.
    """
    ephemeral = EphemeralFolder.of(folder(state, name))
    if ephemeral:
        ephemeral.take_down()
        return
    _require_ours(state, name)
    try:
        if keeping(Backend(state)).exists(PROJECT, name):
            stack = _open(state, name, say)
            if stack.exists:
                stack.destroy(words=_WORDS)
    finally:
        _sweep(state, name)
    files.remove(outputs_file(state, name))


def unlock(state: Path, name: str) -> list[str]:
    """Break the locks of a platform's stack; return whose they were.

    Raises:
        DeployError: a holder is certainly alive.
    """
    return keeping(Backend(state)).unlock(PROJECT, name)


def doomed(state: Path, name: str) -> list[Path]:
    """Return the data of a platform that `purge` deletes; the store is none of them."""
    secrets, own = state / "secrets", {f"{secret}.json" for secret in _made_secrets()}
    there = [path for path in sorted(secrets.glob("*")) if path.name in own or _is_page(path.name)]
    return [path for path in (folder(state, name), *there) if path.exists()]


def _is_page(name: str) -> bool:
    return name.startswith(_PAGES) and name.endswith(".html")


def _made_secrets() -> set[str]:
    """Return the names of the secrets that a platform of this machine makes itself.

    A service's own secret has its name; its files name others. All other secrets are the user's.
    """
    services = {name for name, data in service_data().items() if data.get("listens")}
    files = [*root().glob("platform/services/*/*"), *root().glob("infra/local/*.py")]
    texts = (path.read_text("utf-8", "replace") for path in files if path.is_file())
    return services.union(*(_SECRET.findall(text) for text in texts))


def service_data() -> dict[str, Mapping[str, Any]]:
    """Return the data of every service that a platform may have, by name.

    Raises:
        PlatformError: this installation has none.
    """
    files = root().glob("platform/services/*/service.json")
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(files)}


def purge(state: Path, name: str) -> list[Path]:
    """Delete the data of a platform that is down, and return what was deleted; the store stays."""
    there = doomed(state, name)
    for path in there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return there


def outputs(state: Path, name: str) -> Mapping[str, Any]:
    """Return the outputs of a platform, as its last `up` wrote them.

    Raises:
        PlatformError: it isn't up, or its outputs can't be read.
    """
    path = outputs_file(state, name)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlatformError(f"platform {name}: not up in {state}; {bring_up(stack=name)}") from None
    except (OSError, ValueError) as error:
        raise PlatformError(
            f"{path}: outputs of a platform expected, can't be read ({error}); "
            f"{bring_up('writes it', stack=name)}"
        ) from None
    return dict(document)


def service_of(state: Path, stack: str, name: str) -> Mapping[str, Any]:
    """Return one service of a platform's outputs.

    Raises:
        PlatformError: it isn't up, its outputs can't be read, or it has no such service.
    """
    services = outputs(state, stack)["services"]
    if name not in services:
        hint = nearest(name, services)
        known = f"{', '.join(sorted(services))}{f' ({hint})' if hint else ''}"
        raise PlatformError(f"platform {stack}: no service '{name}'; expected one of {known}")
    return dict(services[name])


def secret_of(state: Path, stack: str, name: str) -> Mapping[str, str]:
    """Return the user and the password that open a service of a platform.

    Raises:
        PlatformError: the service is open, or its secret isn't on this machine.
    """
    secret = service_of(state, stack, name)["credentials"]
    if not secret:
        shows = command("outputs", name, stack=stack)
        raise PlatformError(f"{name}: has no password; {shows} prints its URL")
    folder = str(outputs(state, stack)["services"].get("secrets", {}).get("url", ""))
    path = secret_file(folder, secret)
    if not path:
        raise PlatformError(
            f"{name}: its secret '{secret}' isn't on this machine: platform {stack} was created "
            "elsewhere, and keeps it there"
        )
    return read_secret(Path(path).parent, secret)


def dead(state: Path, name: str) -> list[str]:
    """Return the processes of a platform of this machine that were started and don't run."""
    return Supervisor(folder(state, name)).dead()


def folder(state: Path, name: str) -> Path:
    """Return the folder of a platform's processes."""
    return state / "platform" / name


def outputs_file(state: Path, name: str) -> Path:
    """Return the file with a platform's outputs."""
    return folder(state, name) / "outputs.json"


def _require_ours(state: Path, name: str) -> None:
    """Refuse a platform whose processes are in this state folder, and whose stack isn't.

    Raises:
        PlatformError: `pulumi up` brought it up.
    """
    references.follow_stack(find_project(), name)
    where = references.followed(state, name)
    if where and references.is_of(state, name):
        raise PlatformError(
            f"platform {name}: was brought up by `pulumi up`, and its stack is in {where}; there "
            f"`pulumi up --stack {name}` repairs it, and `pulumi destroy --stack {name}` takes it "
            "down"
        )


def _open(state: Path, name: str, say: Say, provider: int = 0) -> Stack:
    """Open a platform's stack, configured by a file of the user's project or of the root."""
    place = root()
    config = _asked(state, name)
    if config is None:
        file = f"Pulumi.{name}.yaml"
        config = _config(find_project().root / file) or _config(place / file)
    return Stack.open(
        name,
        project=PROJECT,
        state=state,
        program=partial(_run, place / "infra" / "__main__.py"),
        config={**config, "atlas:state": str(state)},
        failure=PlatformError,
        unlock=command("unlock", "--stack", name),
        say=say,
        provider=provider,
    )


def root() -> Path:
    """Return the folder with Pulumi.yaml and `infra`.

    Raises:
        PlatformError: this installation has none.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_root", package.parents[1]):
        if (place / "Pulumi.yaml").exists() and (place / "infra" / "__main__.py").exists():
            return place
    raise PlatformError(f"{package}: no Pulumi program beside it; install atlas-ml again")


def _run(program: Path) -> None:
    """Run a Pulumi program by its path."""
    runpy.run_path(str(program), run_name="infra.__main__")


def _asked(state: Path, name: str) -> Mapping[str, str] | None:
    """Return the configuration of an ephemeral platform; None for one that stays.

    The project's own isn't used: its store and receivers of alerts aren't a test's.
    """
    ephemeral = EphemeralFolder.of(folder(state, name))
    if ephemeral is None:
        return None
    services = ephemeral.services
    return {"atlas:services": ",".join(services)} if services else {}


def _config(path: Path) -> dict[str, str]:
    """Return Atlas's part of the configuration in a stack's file; none when there is no such file.

    Raises:
        PlatformError: the file isn't YAML.
    """
    import yaml

    if not path.exists():
        return {}
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise PlatformError(f"{path}: a stack's configuration expected: {error}") from None
    config = document.get("config") or {}
    return {key: value for key, value in config.items() if key.startswith("atlas:")}


def _sweep(state: Path, name: str) -> None:
    """Stop what an interrupted `up` started and Pulumi doesn't know of.

    Raises:
        PlatformError: something can't be stopped.
    """
    place = folder(state, name)
    if not place.exists():
        return
    orphans = process_trees.marked_below(str(place))
    Supervisor(place).shut_down()
    left = process_trees.end(orphans, _END_SECONDS)
    if left:
        names = process_trees.describe(left)
        raise PlatformError(f"platform {name}: can't be stopped: {names}; end these by hand")
