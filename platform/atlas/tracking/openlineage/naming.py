"""Names and ids as OpenLineage has them; all of them follow from Atlas's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from atlas.errors import redacted
from atlas.uris import is_file_uri, path_of
from atlas.version import atlas_version

if TYPE_CHECKING:
    from atlas.store import Run

_RUNS = UUID("5b3c1f0e-6f0a-5d0e-9a53-0a7b6a1d4c11")
"""The namespace of the ids of Atlas's runs."""


def run_id(run: Run, unit: str = "") -> str:
    """Return the id of a run, or of one of its steps, in OpenLineage's words (RFC 9562, UUIDv5)."""
    whole = uuid5(_RUNS, f"{run.pipeline}/{run.id}@{run.created}")
    return str(uuid5(whole, unit) if unit else whole)


def dataset_name(uri: str) -> tuple[str, str]:
    """Return namespace and name of what is at a URI, as OpenLineage's naming has them.

    User, password and query of a URL aren't part of it.
    """
    if is_file_uri(uri) or "://" not in uri:
        return "file", str(path_of(uri))
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}", parts.path.strip("/") or "/"


def public_uri(text: str) -> str:
    """Return a URI without user, password and query, which may hold a token."""
    return text if is_file_uri(text) else redacted(text).partition("?")[0].partition("#")[0]


def producer() -> str:
    """Return what makes the events: this version of Atlas."""
    return f"urn:atlas-ml:{atlas_version() or 'unknown'}"


def moment_of(text: str) -> datetime:
    """Return a moment in UTC, which one without a time zone is in."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
