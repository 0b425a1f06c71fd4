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
    """What MLflow knows of one registered model.

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
    asked = set(names)
    if not asked:
        return {}
    prefix = os.path.commonprefix([*asked])  # noqa: RUF071 - no paths
    query = {"filter": f"name LIKE '{prefix}%'"} if prefix else {}
    models = mlflow.registered_models(query)
    return {raw["name"]: _registered(raw) for raw in models if raw["name"] in asked}


def _registered(raw: Mapping[str, Any]) -> Registered:
    """Return a model from the API's JSON."""
    where = f"model {raw['name']}"
    listed = objects(raw, "aliases", where, "alias") if raw.get("aliases") else []
    aliases = {alias["alias"]: str(alias.get("version", "")) for alias in listed}
    return Registered(str(raw.get("description") or ""), aliases)
