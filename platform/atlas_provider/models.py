"""The registered models of an MLflow, many at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.tracking.mlflow import Mlflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Registered:
    """What MLflow says of one registered model.

    Attributes:
        description: what it is.
        aliases: alias → version.
    """

    description: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)


def registered(url: str, names: Iterable[str]) -> dict[str, Registered]:
    """Return those of some models that MLflow has: one list, whatever their number.

    Args:
        url: the address of MLflow.
        names: registered names.

    Raises:
        PlatformError: it doesn't answer, or refuses.
    """
    wanted = set(names)
    if not wanted:
        return {}
    prefix = os.path.commonprefix([*wanted])  # noqa: RUF071 - no paths
    found = _search(Mlflow(url), prefix)
    return {raw["name"]: _registered(raw) for raw in found if raw["name"] in wanted}


def _search(mlflow: Mlflow, prefix: str) -> Iterator[dict[str, Any]]:
    """Return the models whose names start with a prefix, page by page."""
    query: dict[str, Any] = {"max_results": _PAGE}
    if prefix:
        query["filter"] = f"name LIKE '{prefix}%'"
    while True:
        answer = mlflow.call("GET", "registered-models/search", query) or {}
        yield from answer.get("registered_models", ())
        if not answer.get("next_page_token"):
            return
        query["page_token"] = answer["next_page_token"]


def _registered(raw: Mapping[str, Any]) -> Registered:
    """Return a model from the API's JSON."""
    aliases = {one["alias"]: str(one["version"]) for one in raw.get("aliases") or ()}
    return Registered(str(raw.get("description") or ""), aliases)
