"""Credentials of registries, from where container tools keep them.

First the platform's own secret, then the standard files (``REGISTRY_AUTH_FILE``, ``auth.json`` of
containers, ``config.json`` of Docker, with the helper programs that they name), and for Amazon's
registry the account's own credentials. No password gets onto a command line or into a log.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.images.amazon import is_amazon, login

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCKER_HUB = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user name and a password; neither is shown when it is printed."""

    username: str
    password: str

    @property
    def basic(self) -> str:
        """The two as HTTP's basic authentication has them."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @classmethod
    def of_basic(cls, encoded: str) -> Credentials | None:
        """Read back what `basic` gave; None when it isn't such text."""
        try:
            username, colon, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return None
        return cls(username, password) if colon else None


def credentials_of(host: str, secret: Path | None = None) -> Credentials | None:
    """Return the credentials of a registry; None when there are none.

    Args:
        host: its host and port.
        secret: the file of the platform's secret for it: JSON with username and password.
    """
    if secret is not None:
        raw = _json(secret)
        if raw.get("username"):
            return Credentials(str(raw["username"]), str(raw.get("password", "")))
    candidates = (_in_file(_json(file), host) for file in standard_files())
    return next(filter(None, candidates), None) or _amazon(host)


def standard_files() -> list[Path]:
    """Return the files in which container tools keep credentials, in the order they look."""
    home = Path.home()
    chosen = os.environ.get("REGISTRY_AUTH_FILE")
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/containers/{os.geteuid()}"
    docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = (Path(runtime) / "containers/auth.json", config / "containers/auth.json")
    first = (Path(chosen),) if chosen else files
    return [*first, docker / "config.json"]


@contextlib.contextmanager
def auth_folder(host: str, credentials: Credentials | None, parent: Path) -> Iterator[Path | None]:
    """Give a private folder with a ``config.json`` of one registry's credentials, for a while.

    Args:
        host: the registry's host and port.
        credentials: what is written; without any, there is no folder.
        parent: the folder that it is made in, which the next build empties: one that is killed
            leaves its file behind.
    """
    if credentials is None:
        yield None
        return
    with tempfile.TemporaryDirectory(dir=parent, prefix="auth-") as folder:
        file = Path(folder) / "config.json"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump({"auths": {host: {"auth": credentials.basic}}}, out)
        yield Path(folder)


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _in_file(config: dict[str, Any], host: str) -> Credentials | None:
    """Return what one standard file knows of a registry."""
    helper = config.get("credHelpers", {}).get(host) or config.get("credsStore")
    if helper:
        credentials = _helped(str(helper), host)
        if credentials:
            return credentials
    entries = config.get("auths", {})
    names = (host, f"https://{host}", f"http://{host}", *_hub_names(host))
    entry: dict[str, str] = next((entries[name] for name in names if entries.get(name)), {})
    return Credentials.of_basic(entry["auth"]) if entry.get("auth") else None


def _hub_names(host: str) -> tuple[str, ...]:
    return (_DOCKER_HUB,) if host in ("docker.io", "index.docker.io") else ()


def _helped(helper: str, host: str) -> Credentials | None:
    """Ask one of Docker's helper programs."""
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        return None
    name = next(iter(_hub_names(host)), host)
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            [program, "get"], input=name, capture_output=True, text=True, timeout=30, check=True
        )
        raw = json.loads(done.stdout)
        return Credentials(raw["Username"], raw["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def _amazon(host: str) -> Credentials | None:
    """Return a login to Amazon's registry, for the account that is found."""
    return Credentials.of_basic(login(host)) if is_amazon(host) else None
