"""Kubeflow Pipelines as a target: kfp is imported only when something is compiled."""

from __future__ import annotations

from dataclasses import field
from threading import Lock
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.targets.kubeflow.importing import import_kfp
from atlas.targets.kubeflow.problems import problems_of
from atlas.targets.protocol import NOWHERE, deployed_name, not_text, project_data, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.protocol import Origin

_KFP = Lock()
"""kfp keeps the pipeline that is being built in a variable of its module: one thread at a time."""
LOCAL_KIND = "kfp.local"
"""What a platform calls a Kubeflow that has no API server."""
IN_PROCESSES = "process"
"""How steps run where the pods of a node are processes of its machine: no image is looked at."""


@dataclass(frozen=True, slots=True)
class KubeflowCompiler:
    """Compiles to KFP v2 IR.

    Attributes:
        exit_handler: whether a last task reports how the run ended; ``kfp.local`` can't run one.
        local: whether ``kfp.local`` runs it, and no cluster.
        schedules: whether a deployment makes recurring runs of what has a schedule.
    """

    exit_handler: bool = False
    local: bool = False
    schedules: bool = False
    _templates: dict[str, Sequence[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def uses_images(self) -> bool:
        """Every step runs in its image."""
        return True

    def problems(self, plan: Plan) -> list[Problem]:
        """Return what of the Plan Kubeflow can't do."""
        unseen = project_data(plan, "") if self.exit_handler and not self.local else ()
        return [*problems_of(plan, local=self.local, schedules=self.schedules), *unseen]

    def compile(
        self, plan: Plan, images: Mapping[str, str], origin: Origin = NOWHERE
    ) -> Mapping[str, bytes]:
        """Return one file, ``<deployed name>.yaml``: the IR, and Kubernetes' part behind it.

        Raises:
            InvalidError: Kubeflow can't express the Plan.
        """
        with _KFP:
            import_kfp()
            from atlas.targets.kubeflow.pipeline import compile_pipeline
        refuse((*not_text(plan), *self.problems(plan)))
        with _KFP:
            content = compile_pipeline(
                plan,
                images,
                self._templates,
                origin,
                exit_handler=self.exit_handler and not self.local,
                local=self.local,
            )
        return {f"{deployed_name(plan)}.yaml": content}


def compiler_at(site: CompileSite) -> KubeflowCompiler:
    """Return the compiler: where a cluster runs it, a last task reports how the run ended."""
    on_cluster = has_api_server(site.services.get("kubeflow", {}).get("kind", LOCAL_KIND))
    exit_handler = site.options.get("exit_handler", on_cluster)
    return KubeflowCompiler(exit_handler=exit_handler, schedules=on_cluster)


def has_api_server(kind: str) -> bool:
    """Tell whether a Kubeflow of a kind is an API server, and not `kfp.local` over the store."""
    return kind != LOCAL_KIND
