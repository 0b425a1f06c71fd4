"""The kinds of resources: one module each, and the table by which the provider finds them.

To add a kind ``Thing``: write a module with its properties and a class `ThingKind` that has the
methods of `atlas.kinds.protocol.Kind`, add it to the table below, and run `python -m
atlas_provider.generate`, which writes its typed class and its documentation. A kind's module is
imported when the first resource of that kind is handled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from atlas.kinds.handler import Handler

AnyHandler = Handler[Any, Any]
PREFIX = "atlas:index:"
"""How type tokens begin; the name of the kind's class follows."""
_MODULES = {
    "AirflowDags": "atlas.targets.airflow.resource",
    "Database": "atlas_provider.kinds.database",
    "KubeflowPipelines": "atlas.targets.kubeflow.resource",
    "Ports": "atlas_provider.kinds.ports",
    "Process": "atlas_provider.kinds.process",
    "RegisteredModels": "atlas_provider.kinds.registered_models",
    "StepImages": "atlas_provider.kinds.step_images",
}


@cache
def _load(name: str) -> AnyHandler:
    """Import and make the handler of a kind."""
    return Handler(getattr(import_module(_MODULES[name]), f"{name}Kind")())


class Kinds(Mapping[str, AnyHandler]):
    """Handler by type token, made when it is first asked for."""

    def __getitem__(self, token: str) -> AnyHandler:
        """Return the handler of a type token."""
        if token not in iter(self):
            raise KeyError(token)
        return _load(token.removeprefix(PREFIX))

    def __iter__(self) -> Iterator[str]:
        """Return the type tokens."""
        return (f"{PREFIX}{name}" for name in _MODULES)

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return len(_MODULES)


KINDS = Kinds()
