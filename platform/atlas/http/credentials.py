"""Who asks a service: credentials from a private file, or from the variables that MLflow has."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

from atlas.advice import write_secret
from atlas.errors import PlatformError
from atlas.http import variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MLFLOW, PUSHGATEWAY = variables.CREDENTIALS["mlflow"], variables.CREDENTIALS["pushgateway"]
OPENLINEAGE = variables.CREDENTIALS["openlineage"]
"""Variables that hold the path of a private file: JSON with ``username`` and ``password``."""
_LARGEST = 1 << 16
_RESTORE = "restore the file, or remove it to have a new one made"
_MOUNTED = "/var/run/secrets/"
"""Where Kubernetes mounts Secrets in a pod, whose files all of the pod's users may read."""


def mlflow_authorization(path: str = "") -> str:
    """Return the value of ``Authorization`` for MLflow; empty where nothing says who asks.

    MLflow's own variables come first: MLFLOW_TRACKING_TOKEN, then MLFLOW_TRACKING_USERNAME with
    MLFLOW_TRACKING_PASSWORD; then the private file, by default that of ATLAS_MLFLOW_CREDENTIALS.

    Args:
        path: the private file.

    Raises:
        PlatformError: the file isn't private, or holds no credentials.
    """
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        return f"Bearer {token.strip()}"
    if user:
        return basic(user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    return basic(*read_private(path, "mlflow")) if path else authorization_in(MLFLOW)


def pushgateway_authorization() -> str:
    """Return the value of ``Authorization`` for the Pushgateway; empty where no variable says.

    Raises:
        PlatformError: the file isn't private, or holds no credentials.
    """
    return authorization_in(PUSHGATEWAY)


def openlineage_authorization() -> str:
    """Return the value of ``Authorization`` for OpenLineage's endpoint; empty where none is needed.

    The private file of ATLAS_OPENLINEAGE_CREDENTIALS has a ``token``, or a user and password.

    Raises:
        PlatformError: the file isn't private, or holds no credentials.
    """
    path = os.environ.get(OPENLINEAGE)
    if not path:
        return ""
    token = _token(path)
    return f"Bearer {token}" if token else basic(*read_private(path, OPENLINEAGE))


def _token(path: str) -> str:
    """Return the token of a private file; empty where it has none, or isn't as it should be."""
    try:
        token = json.loads(_content(path, OPENLINEAGE))["token"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def authorization_in(variable: str) -> str:
    """Return the value of ``Authorization`` from the file that a variable names; else empty.

    Raises:
        PlatformError: the file isn't private, or holds no credentials.
    """
    path = os.environ.get(variable)
    return basic(*read_private(path, variable)) if path else ""


def basic(username: str, password: str) -> str:
    """Return the value of ``Authorization`` for a user and password (RFC 7617)."""
    import base64

    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def read_private(path: str, variable: str) -> tuple[str, str]:
    """Return username and password from a file that only its owner can read.

    Args:
        path: the file: JSON with ``username`` and ``password``.
        variable: which variable names it, for messages.

    Raises:
        PlatformError: it isn't there, isn't a regular file, others can read it, or it isn't such a
            JSON; the message never has its content.
    """
    try:
        content = _content(path, variable)
        raw = json.loads(content)
        credentials = raw["username"], raw["password"]
    except OSError as error:
        told = f"{variable}: {path}: can't be read: {error.strerror}"
        raise PlatformError("; ".join(filter(None, (told, write_secret())))) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        credentials = None, None
    if not all(isinstance(text, str) and text for text in credentials) or ":" in credentials[0]:
        raise PlatformError(
            f"{variable}: {path}: found no credentials; expected JSON with the texts `username` "
            "(without ':') and `password`"
        )
    return credentials[0], credentials[1]


def _content(path: str, variable: str) -> bytes:
    """Return a private file's content; of the file that is open, not of one that takes its place.

    Raises:
        PlatformError: it isn't regular, or not private.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PlatformError(f"{variable}: {path}: isn't a regular file; expected one")
        if status.st_mode & (0o022 if path.startswith(_MOUNTED) else 0o077):
            raise PlatformError(
                f"{variable}: {path}: others can read or change it (mode "
                f"{stat.S_IMODE(status.st_mode):04o}); expected 0600: `chmod 600 {path}`"
            )
        if status.st_uid not in (0, os.geteuid()):
            raise PlatformError(
                f"{variable}: {path}: belongs to another user (uid {status.st_uid}); expected the "
                "one who runs this, or root"
            )
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)


def read_secret(folder: Path, name: str) -> Mapping[str, str]:
    """Return a secret (``username``, ``password``) of a platform's folder of secrets.

    Raises:
        PlatformError: if there is no such secret, or its file holds none.
    """
    path = folder / f"{name}.json"
    try:
        secret = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(secret[key]) for key in ("username", "password")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"{path}: no secret can be read ({type(error).__name__}); expected JSON with username "
            f"and password; {write_secret() or _RESTORE}"
        )
        raise PlatformError(message) from None
