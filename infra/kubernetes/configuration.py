"""Values of a stack's configuration, each checked when it is read."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pulumi

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""The name of a namespace, and of most objects."""
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
"""The name of a host."""


def structure(config: pulumi.Config, key: str, default: object) -> Any:
    """Return a setting that isn't a text.

    Raises:
        pulumi.RunError: it is a text.
    """
    try:
        found: Any = config.get_object(key)
    except pulumi.ConfigTypeError:
        kind = "a list" if isinstance(default, list) else "an object"
        raise pulumi.RunError(
            f"atlas:{key}: found '{config.get(key)}'; expected {kind} (`pulumi config set --path`)"
        ) from None
    return default if found is None else found


def texts(config: pulumi.Config, key: str) -> dict[str, str]:
    """Return a setting that is an object of texts.

    Raises:
        pulumi.RunError: it is something else.
    """
    found = structure(config, key, {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise pulumi.RunError(f"atlas:{key}: found {found!r}; expected an object of texts")
    return {str(name): str(value) for name, value in found.items()}


def name_of(config: pulumi.Config, key: str) -> str:
    """Return a setting that is the name of an object; empty where it isn't set.

    Raises:
        pulumi.RunError: it isn't such a name.
    """
    found = config.get(key) or ""
    if found and not NAME.fullmatch(found):
        raise pulumi.RunError(
            f"atlas:{key}: found '{found}'; expected lower-case letters, digits and dashes"
        )
    return found


def host_and_port(config: pulumi.Config, key: str) -> str:
    """Return a setting that is a host and a port; empty where it isn't set.

    Raises:
        pulumi.RunError: it is something else.
    """
    found = config.get(key) or ""
    host, _, port = found.partition(":")
    if found and not (HOST.fullmatch(host) and port.isdigit()):
        raise pulumi.RunError(f"atlas:{key}: found '{found}'; expected host:port")
    return found


def remote(config: pulumi.Config, key: str, default: str, schemes: tuple[str, ...]) -> str:
    """Return a setting that is the URL of a place that every pod reaches.

    Raises:
        pulumi.RunError: it is something else, such as a folder of this machine.
    """
    found = (config.get(key) or default).rstrip("/")
    parts = urlsplit(found)
    if parts.scheme not in schemes or not parts.netloc or "@" in parts.netloc:
        expected = " or ".join(f"{scheme}://…" for scheme in schemes)
        raise pulumi.RunError(f"atlas:{key}: found '{found}'; expected {expected}, without a user")
    return found
