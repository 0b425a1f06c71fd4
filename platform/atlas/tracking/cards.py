"""A model card in MLflow: files of the version's run, tags of the version, and its description."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.http.answers import objects, optional, pick
from atlas.tracking.send import upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.tracking.mlflow import MlflowTracker

CARD = "atlas.card"
"""Tag of a version: sha256 of its card's content."""
DESCRIPTION = "atlas.card.description"
"""Tag of a version: sha256 of the descriptions that Atlas has written; others are somebody's."""


@dataclass(frozen=True, slots=True)
class VersionCard:
    """A card as MLflow takes it.

    Attributes:
        model: the registered name.
        version: its number.
        artifacts: name → content.
        digest: sha256 of the card's content.
        description: what the version's description is to say.
    """

    model: str
    version: str
    artifacts: Mapping[str, bytes]
    digest: str
    description: str


def put_card(server: MlflowTracker, card: VersionCard) -> None:
    """Write a card to MLflow; a repeat replaces its own, and no description of somebody else's.

    Raises:
        PlatformError: the server doesn't answer or refuses, or has no such version.
    """
    raw = version_of(server, card.model, card.version)
    root = artifact_root(server, str(raw.get("run_id") or ""))
    if root:
        upload(server, root, card.artifacts)
    _describe(server, card, raw)
    set_tag(server, card.model, card.version, CARD, card.digest)


def version_of(server: MlflowTracker, model: str, version: str) -> dict[str, Any]:
    """Return a version as MLflow has it.

    Raises:
        PlatformError: the server doesn't answer or refuses, or has no such version.
    """
    where = f"mlflow at {server.url}: model-versions/get"
    query = {"name": model, "version": version}
    answer = server.call("GET", "model-versions/get", query, ("RESOURCE_DOES_NOT_EXIST",))
    if answer is None:
        raise PlatformError(f"{where}: there is no version {version} of {model}")
    raw: dict[str, Any] = pick(answer, "model_version", dict, where)
    return raw


def artifact_root(server: MlflowTracker, run: str) -> str:
    """Return where the artifacts of a run are; empty where there is no run."""
    if not run:
        return ""
    answer = server.call("GET", "runs/get", {"run_id": run}) or {}
    where = f"mlflow at {server.url}: runs/get"
    root = optional(pick(answer, "run.info", dict, where), "artifact_uri", "", where)
    return str(root)


def _describe(server: MlflowTracker, card: VersionCard, raw: Mapping[str, Any]) -> None:
    """Write the description, where there is none or the one there is Atlas's own.

    The tag names both texts while one takes the place of the other: after a crash between the two
    the next try knows either for Atlas's own.
    """
    where = f"mlflow at {server.url}: model-versions/get"
    tags = objects(raw, "tags", where, "key") if raw.get("tags") else []
    known = {tag["key"]: str(tag.get("value", "")) for tag in tags}.get(DESCRIPTION, "")
    there = str(raw.get("description") or "")
    if there == card.description or (there and _digest(there) not in known.split(",")):
        return
    written = [_digest(text) for text in (card.description, there) if text]
    set_tag(server, card.model, card.version, DESCRIPTION, ",".join(written))
    named = {"name": card.model, "version": card.version}
    server.call("PATCH", "model-versions/update", {**named, "description": card.description})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def set_tag(server: MlflowTracker, model: str, version: str, key: str, value: str) -> None:
    """Set a tag of a version.

    Raises:
        PlatformError: the server doesn't answer or refuses.
    """
    payload = {"name": model, "version": version, "key": key, "value": value}
    server.call("POST", "model-versions/set-tag", payload)
