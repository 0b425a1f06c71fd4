"""The kinds of resources: one module each, and the table by which the provider finds them.

To add a kind: write a module here with a class that has the methods of `atlas.kinds.protocol.Kind`,
add it to the table below, and its typed class to `atlas_provider.resources`. A kind's module is
imported when the first resource of that kind is handled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from atlas.kinds.protocol import Kind

_PLACES = {
    "atlas:index:AirflowDags": "atlas.targets.airflow.resource:AirflowDags",
    "atlas:index:Database": "atlas_provider.kinds.database:Database",
    "atlas:index:KubeflowPipelines": "atlas.targets.kubeflow.resource:KubeflowPipelines",
    "atlas:index:Ports": "atlas_provider.kinds.ports:Ports",
    "atlas:index:Process": "atlas_provider.kinds.process:Process",
    "atlas:index:RegisteredModels": "atlas_provider.kinds.registered_models:RegisteredModels",
    "atlas:index:StepImages": "atlas_provider.kinds.step_images:StepImages",
}


@cache
def _load(token: str) -> Kind:
    """Import and make the kind of a type token."""
    module, name = _PLACES[token].split(":")
    return cast("Kind", getattr(import_module(module), name)())


class Kinds(Mapping[str, "Kind"]):
    """Kind by type token, made when it is asked for."""

    def __getitem__(self, token: str) -> Kind:
        """Return the kind of a type token."""
        return _load(token)

    def __iter__(self) -> Iterator[str]:
        """Return the type tokens."""
        return iter(_PLACES)

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return len(_PLACES)


KINDS = Kinds()
