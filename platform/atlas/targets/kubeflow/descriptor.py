"""What Atlas knows of Kubeflow Pipelines; what it names is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.targets.descriptor import DeployedKind, Target

if TYPE_CHECKING:
    from atlas.kinds.protocol import Kind
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.launcher import Launcher, LaunchSite
    from atlas.targets.operations import Operations
    from atlas.targets.protocol import Compiler


def _compiler(site: CompileSite) -> Compiler:
    from atlas.targets.kubeflow.compiler import compiler_at

    return compiler_at(site)


def _launcher(site: LaunchSite) -> Launcher:
    from atlas.targets.kubeflow.launching import launcher_at

    return launcher_at(site)


def _handler() -> Kind[Any, Any]:
    from atlas.targets.kubeflow.resource import KubeflowPipelinesKind

    return KubeflowPipelinesKind()


def _operations() -> Operations:
    from atlas.targets.kubeflow.operations import KubeflowOperations

    return KubeflowOperations()


TARGET = Target(
    name="kubeflow",
    title="Kubeflow",
    compiler=_compiler,
    launcher=_launcher,
    deployed=DeployedKind(
        name="KubeflowPipelines",
        noun="Kubeflow pipeline",
        owned_as="kubeflow",
        addresses=frozenset({"store", "kubeflow", "namespace", "secrets", "credentials"}),
        handler=_handler,
        operations=_operations,
    ),
    packages=("kfp",),
)
