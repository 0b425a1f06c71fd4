"""The kinds of resources: one module each, and the table by which the provider finds them.

To add a kind: write a module here with a class that has the methods of `atlas_provider.kind.Kind`,
add it to `KINDS`, and its typed class to `atlas_provider.resources`.
Import what is heavy inside the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_provider.kinds.airflow_dags import AirflowDags
from atlas_provider.kinds.command import Command
from atlas_provider.kinds.kubeflow_pipelines import KubeflowPipelines
from atlas_provider.kinds.ports import Ports
from atlas_provider.kinds.process import Process
from atlas_provider.kinds.registered_models import RegisteredModels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas_provider.kind import Kind

KINDS: Mapping[str, Kind] = {
    "atlas:index:AirflowDags": AirflowDags(),
    "atlas:index:Command": Command(),
    "atlas:index:KubeflowPipelines": KubeflowPipelines(),
    "atlas:index:Ports": Ports(),
    "atlas:index:Process": Process(),
    "atlas:index:RegisteredModels": RegisteredModels(),
}
