"""Whether a registered model of MLflow's is Atlas's own: its tags say so.

Whoever may sign in to an MLflow may take any name that is free, and may then move its aliases and
delete its versions. So a model that Atlas hasn't made is never taken for one. On a platform's own
server only the administrator writes tags that begin with ``atlas.`` (`atlas.tracking.server`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.http.answers import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_OWNED = "D019"
"""The error's code where others have made a model."""
OWNER = "atlas.owner"
"""Tag of a registered model that says for whom Atlas has made it."""
_RUN = "atlas.run"
"""Tag of each version that Atlas has registered; older models have it alone."""


def owner_tags(owner: str) -> list[dict[str, str]]:
    """Return the tags that a registered model is made with."""
    return [{"key": OWNER, "value": owner}]


def is_owned(model: Mapping[str, Any], where: str) -> bool:
    """Tell whether Atlas has made a registered model, or has registered its latest versions.

    Args:
        model: as MLflow's API has it.
        where: what was asked, for messages.

    Raises:
        MalformedError: it is something else.
    """
    if _has_tag(model, OWNER, where):
        return True
    versions = objects(model, "latest_versions", where) if model.get("latest_versions") else []
    return bool(versions) and all(_has_tag(version, _RUN, where) for version in versions)


def not_owned(name: str, url: str) -> str:
    """Return the message that a name is taken by a model of others, with the ways out."""
    return (
        f"registered model {name}: MLflow at {url} has a model of this name that Atlas "
        "didn't make, so that others may move its aliases; expected none, or one with the tag "
        f"{OWNER}; give the Config's model another name or the environment a prefix, rename or "
        "delete that model in MLflow, or, if it is this project's, give it that tag there"
    )


def _has_tag(raw: Mapping[str, Any], key: str, where: str) -> bool:
    tags = objects(raw, "tags", where, "key") if raw.get("tags") else []
    return any(tag["key"] == key for tag in tags)
