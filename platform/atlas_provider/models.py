"""The registered models of an MLflow, many at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.http.answers import objects
from atlas.tracking.mlflow import MlflowTracker
from atlas.uris import secret_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Registered:
    """What MLflow says of one registered model.

    Attributes:
        description: what it is.
        aliases: alias → version.
    """

    description: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)


def mlflow_of(inputs: Mapping[str, Any]) -> MlflowTracker:
    """Return the MLflow that inputs name, by their names."""
    return mlflow_at(inputs["mlflow"], inputs.get("secrets"), inputs.get("credentials"))


def mlflow_at(url: str, secrets: str | None, credentials: str | None) -> MlflowTracker:
    """Return the MLflow at a URL; its secret is read when it is needed."""
    return MlflowTracker(url, secret_file(secrets or "", credentials or ""))


def registered(mlflow: MlflowTracker, names: Iterable[str]) -> dict[str, Registered]:
    """Return those of some models that MLflow has: one list, whatever their number.

    Args:
        mlflow: the server.
        names: registered names.

    Raises:
        PlatformError: it doesn't answer, or refuses.
    """
    wanted = set(names)
    if not wanted:
        return {}
    prefix = os.path.commonprefix([*wanted])  # noqa: RUF071 - no paths
    query = {"filter": f"name LIKE '{prefix}%'"} if prefix else {}
    found = mlflow.registered_models(query)
    return {raw["name"]: _registered(raw) for raw in found if raw["name"] in wanted}


def _registered(raw: Mapping[str, Any]) -> Registered:
    """Return a model from the API's JSON."""
    where = f"model {raw['name']}"
    found = objects(raw, "aliases", where, "alias") if raw.get("aliases") else []
    aliases = {one["alias"]: str(one.get("version", "")) for one in found}
    return Registered(str(raw.get("description") or ""), aliases)
