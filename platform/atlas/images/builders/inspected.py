"""What `inspect` of Docker and Podman says of an image, as `Facts`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import CommandError
from atlas.images.builders.protocol import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.containers import ContainerEngine


def inspect(engine: ContainerEngine, name: str) -> Facts | None:
    """Return what an engine knows of an image; None when it hasn't got it."""
    try:
        images = json.loads(engine.call("image", "inspect", name, timeout=60))
    except (CommandError, ValueError):
        return None
    return facts(images[0]) if images else None


def facts(raw: Mapping[str, Any]) -> Facts:
    """Return the facts in one entry of what `inspect` printed."""
    config: Mapping[str, Any] = raw.get("Config") or {}
    digests = raw.get("RepoDigests") or ()
    return Facts(
        identity=str(raw.get("Id", "")).removeprefix("sha256:"),
        digest=next((digest.partition("@")[2] for digest in digests), ""),
        size=int(raw.get("Size") or 0),
        variables=variables(config.get("Env")),
        user=str(config.get("User") or ""),
        entrypoint=entrypoint(config.get("Entrypoint")),
    )


def variables(lines: list[str] | None) -> dict[str, str]:
    """Return an image's environment, which its configuration has as ``NAME=VALUE``."""
    pairs = (line.partition("=") for line in lines or ())
    return {name: value for name, _, value in pairs}


def entrypoint(value: Any) -> tuple[str, ...]:
    """Return an entry point: older configurations have it as one text."""
    return (value,) if isinstance(value, str) and value else tuple(value or ())
