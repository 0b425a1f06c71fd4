"""What is done with deployed Kubeflow pipelines: their schedules, and versions that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas.pods import cluster
from atlas.store import open_location
from atlas.targets.kubeflow.compiler import IN_PROCESSES, has_api_server
from atlas.targets.kubeflow.run_pods import waiting
from atlas.targets.operations import Operations
from atlas.targets.pod_watch import PodWatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.plan import Plan
    from atlas.targets.operations import DeployServices, LastRuns, Trial

_UNDER_WAY = ("", "pending", "running", "paused")
_SERVICE, _FOLDER = "kubeflow", "kubeflow"


class KubeflowOperations(Operations):
    """What is done with resources of the kind `KubeflowPipelines`."""

    keeps_versions = True
    processes = "kubeflow-"

    def addresses(self, services: DeployServices) -> dict[str, str]:
        """Return the store and, where there is an API server, its address and who asks it."""
        if not _has_api_server(services):
            return {"store": services.store}
        namespace = services.detail(_SERVICE, "namespace")
        return {
            "store": services.store,
            "kubeflow": services.url(_SERVICE),
            **({"namespace": str(namespace)} if namespace else {}),
            **services.opened(_SERVICE),
        }

    def inputs(self, plans: Mapping[str, Plan], services: DeployServices) -> dict[str, Any]:
        """Return when the members run that run by the clock, where there is an API server.

        Raises:
            DeployError: T116, one runs by the clock of another time zone than UTC.
        """
        if not _has_api_server(services):
            return {}
        from atlas.targets.kubeflow.server import line_of

        scheduled = {
            name: plan.schedule for name, plan in plans.items() if plan.schedule is not None
        }
        for name, schedule in scheduled.items():
            if schedule.timezone != "UTC":
                raise DeployError(
                    f"{name}: found a schedule in {schedule.timezone}, expected UTC, which "
                    "is Kubeflow's; give the time in UTC, or set the flow's target to Airflow",
                    code="T116",
                )
        return {"schedules": {name: line_of(schedule) for name, schedule in scheduled.items()}}

    def needs_built_images(self, services: DeployServices) -> bool:
        """Tell whether there is an API server: its cluster pulls images, and builds none.

        Where its pods are processes of this machine, no image is looked at.
        """
        in_processes = services.detail(_SERVICE, "tasks") == IN_PROCESSES
        return _has_api_server(services) and not in_processes

    def require_alive(self, services: DeployServices) -> None:
        """Ask the API server, where there is one, whether it is there and takes the token.

        Raises:
            PlatformError: it isn't, doesn't, or serves several users and no namespace is named.
        """
        if _has_api_server(services):
            from atlas.targets.kubeflow import server_pipelines

            server_pipelines.require_alive(self.addresses(services))

    def trials(self, services: DeployServices) -> Iterator[Trial]:
        """Try the API server, and its token, where there is one."""

        def answers() -> str:
            self.require_alive(services)
            return services.url(_SERVICE)

        if services.has(_SERVICE) and _has_api_server(services):
            yield "kubeflow answers, and takes the token", answers

    def front_page(self, services: DeployServices) -> str:
        """Return the page with all pipelines, where there is an API server.

        A pipeline's own page has the id in its address that the server has given it.
        """
        return f"{services.url(_SERVICE)}/#/pipelines" if _has_api_server(services) else ""

    def last_runs(self, inputs: Mapping[str, Any]) -> Mapping[str, tuple[str, str]]:
        """Return name and state of the last run of each member, where there is an API server."""
        if not inputs.get("kubeflow"):
            return {}
        from atlas.targets.kubeflow.server_pipelines import last_runs

        return last_runs(dict(inputs))

    def unstarted(
        self, inputs: Mapping[str, Any], runs: LastRuns, services: DeployServices
    ) -> Mapping[str, Sequence[str]]:
        """Return why pods of runs under way don't start, or can't be made, by member."""
        names = [name for name, (_, state) in runs.items() if state in _UNDER_WAY]
        found = cluster() if names else None
        if found is None:
            return {}
        from atlas.targets.kubeflow.server_pipelines import last_run_ids

        own = {name: inputs["members"][name] for name in names}
        watch, ids = PodWatch(found), last_run_ids({**inputs, "members": own})
        texts = {name: waiting(watch, run) for name, run in ids.items()}
        return {name: said for name, said in texts.items() if said}

    def versions(self, services: DeployServices, names: Iterable[str]) -> dict[str, int]:
        """Return how many versions each pipeline has, on the API server or in the store."""
        if services.has(_SERVICE) and _has_api_server(services):
            from atlas.targets.kubeflow.server_pipelines import left_versions

            return left_versions(self.addresses(services), names)
        place = open_location(services.store)
        files = {name: place.names(f"{_FOLDER}/{name}") for name in names}
        return {
            name: sum(file_name.endswith(".yaml") for file_name in file_names)
            for name, file_names in files.items()
        }

    def purge(self, services: DeployServices, names: Iterable[str]) -> None:
        """Remove pipelines with all of their versions."""
        names = [*names]
        if names and services.has(_SERVICE) and _has_api_server(services):
            from atlas.targets.kubeflow.server_pipelines import purge

            purge(self.addresses(services), names)
        place = open_location(services.store)
        for name in names:
            place.remove(f"{_FOLDER}/{name}")


def _has_api_server(services: DeployServices) -> bool:
    return has_api_server(services.kind(_SERVICE))
