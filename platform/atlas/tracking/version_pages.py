"""A page about a model version in MLflow: a file of the version's run, and tags of the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.tracking.cards import artifact_root, set_tag, version_of
from atlas.tracking.send import upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.tracking.mlflow import MlflowTracker


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page as MLflow takes it.

    Attributes:
        model: the registered name.
        version: its number.
        artifacts: name → content, among the artifacts of the run that made it.
        tags: name → text, of the version.
    """

    model: str
    version: str
    artifacts: Mapping[str, bytes]
    tags: Mapping[str, str]


def put_page(server: MlflowTracker, page: VersionPage) -> None:
    """Write a page to MLflow; a repeat replaces its own.

    Raises:
        PlatformError: the server doesn't answer or refuses, or has no such version.
    """
    raw = version_of(server, page.model, page.version)
    root = artifact_root(server, str(raw.get("run_id") or ""))
    if root:
        upload(server, root, page.artifacts)
    for name, text in page.tags.items():
        set_tag(server, page.model, page.version, name, text)
