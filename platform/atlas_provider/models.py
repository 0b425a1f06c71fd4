"""The registered models of an MLflow, many at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.http.answers import objects
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.owned import NOT_OWNED, is_owned, not_owned
from atlas.uris import secret_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Registered:
    """What MLflow knows of one registered model.

    Attributes:
        description: what it is.
        aliases: alias → version.
        is_ours: whether Atlas has made it.
    """

    description: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = True


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


def require_free(inputs: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse models that others have made, where the inputs of a resource say.

    Raises:
        DeployError: D019, one is there, and Atlas hasn't made it.
        PlatformError: MLflow doesn't answer.
    """
    asked = [*names]
    if asked:
        mlflow = mlflow_of(inputs)
        require_ours(mlflow, registered(mlflow, asked), asked)


def _registered(raw: Mapping[str, Any]) -> Registered:
    """Return a model from the API's JSON."""
    where = f"model {raw['name']}"
    listed = objects(raw, "aliases", where, "alias") if raw.get("aliases") else []
    aliases = {alias["alias"]: str(alias.get("version", "")) for alias in listed}
    return Registered(str(raw.get("description") or ""), aliases, is_owned(raw, where))


def require_ours(
    mlflow: MlflowTracker, models: Mapping[str, Registered], names: Iterable[str]
) -> None:
    """Refuse models that others have made.

    Args:
        mlflow: the server.
        models: what it has.
        names: registered names that are to be taken.

    Raises:
        DeployError: D019, one is there, and Atlas hasn't made it.
    """
    for name in sorted(names):
        if name in models and not models[name].is_ours:
            raise DeployError(not_owned(name, mlflow.url), code=NOT_OWNED)
