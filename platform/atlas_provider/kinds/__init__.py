"""The kinds of resources: one module each, and the table by which the provider finds them.

To add a kind: write a module here with a class that has the methods of `atlas_provider.kind.Kind`,
add it to the table below, and its typed class to `atlas_provider.resources`. A kind's module is
imported when the first resource of that kind is handled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from atlas_provider.kind import Kind

_PLACES = {
    "atlas:index:AirflowDags": "airflow_dags:AirflowDags",
    "atlas:index:Database": "database:Database",
    "atlas:index:KubeflowPipelines": "kubeflow_pipelines:KubeflowPipelines",
    "atlas:index:Ports": "ports:Ports",
    "atlas:index:Process": "process:Process",
    "atlas:index:RegisteredModels": "registered_models:RegisteredModels",
    "atlas:index:StepImages": "step_images:StepImages",
}


@cache
def _load(token: str) -> Kind:
    """Import and make the kind of a type token."""
    module, name = _PLACES[token].split(":")
    return cast("Kind", getattr(import_module(f"{__name__}.{module}"), name)())


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
