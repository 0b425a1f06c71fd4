"""What is done with deployed DAGs: health, runs under way, pauses, removal of many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError
from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_bundle import open_bundle
from atlas.targets.airflow.pod_labels import pod_selector
from atlas.targets.operations import Operations
from atlas.targets.pod_watch import pods_unstarted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from atlas.kinds.properties import Plain
    from atlas.kinds.protocol import Kind
    from atlas.targets.operations import DeployServices, LastRuns, Trial

_SUPPORTED = (3, 3)
_HEALTH = "api/v2/monitor/health"
_UNDER_WAY = ("queued", "running")


class AirflowOperations(Operations):
    """What is done with resources of the kind `AirflowDags`."""

    is_rolled_out = True
    processes = "airflow-"

    def addresses(self, services: DeployServices) -> dict[str, str]:
        """Return the store, the place of DAGs, and the API server, each with its secret."""
        opens = services.credentials("dags")
        return {
            "store": services.store,
            "dags": services.url("dags"),
            "airflow": services.url("airflow"),
            "secrets": services.url("secrets"),
            "credentials": services.credentials("airflow"),
            **({"dagsCredentials": opens} if opens else {}),
        }

    def needs_built_images(self, services: DeployServices) -> bool:
        """Tell whether tasks are pods: a cluster pulls images, and builds none."""
        return bool(services.detail("airflow", "tasks") == "kubernetes")

    def require_alive(self, services: DeployServices) -> None:
        """Ask the API server whether it is there.

        Raises:
            PlatformError: it isn't.
        """
        services.require_alive("airflow", _HEALTH)

    def trials(self, services: DeployServices) -> Iterator[Trial]:
        """Try Airflow's API, its password, version and parts, and the place of DAG files."""
        if services.has("airflow"):
            yield "airflow answers", lambda: self._answers(services)
            yield "airflow takes the password", lambda: _signed_in(self.addresses(services))
            yield "airflow's version", lambda: _version(self.addresses(services))
            yield "airflow's parts", lambda: _parts(self.addresses(services))
        if services.has("airflow") and services.has("dags"):
            yield "DAG files can be written", lambda: _written(self.addresses(services))

    def _answers(self, services: DeployServices) -> str:
        self.require_alive(services)
        return services.url("airflow")

    def runs_under_way(
        self, services: DeployServices, names: Collection[str]
    ) -> dict[str, Sequence[str]]:
        """Return the runs under way; none where Airflow keeps the versions of DAG files.

        Raises:
            PlatformError: Airflow doesn't answer.
        """
        if not names or services.detail("dags", "versioned"):
            return {}
        return dict(_api(self.addresses(services)).runs_under_way(names))

    def unpause(self, services: DeployServices, names: Sequence[str]) -> Sequence[str]:
        """Let DAGs run again that an operator has paused; return them.

        Raises:
            PlatformError: Airflow doesn't answer, or refuses.
        """
        _api(self.addresses(services)).unpause(names)
        return names

    def roll_out(
        self, resources: Sequence[Plain], progress: Callable[[int, int], None]
    ) -> Mapping[str, str]:
        """Write the DAGs of several resources, and wait until Airflow has read them all."""
        from atlas.targets.airflow.ahead import roll_out

        return roll_out(resources, progress).silent

    def remove(self, resources: Sequence[Plain]) -> frozenset[str]:
        """Remove the DAGs of several resources, but for those of which runs are under way."""
        from atlas.targets.airflow.ahead import remove

        return remove(resources)

    def handler_after(self, removed: Collection[str]) -> Kind[Any, Any] | None:
        """Return the handler that leaves alone the DAGs that are gone."""
        from atlas.targets.airflow.resource import AirflowDagsKind

        return AirflowDagsKind(removed)

    def pages(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return the address of each DAG's page."""
        return {name: f"{inputs['airflow']}/dags/{name}" for name in inputs["members"]}

    def last_runs(self, inputs: Mapping[str, Any]) -> Mapping[str, tuple[str, str]]:
        """Return id and state of the last run of each DAG that has one."""
        return _api(inputs).last_runs(inputs["members"]) if inputs["members"] else {}

    def unstarted(
        self, inputs: Mapping[str, Any], runs: LastRuns, services: DeployServices
    ) -> Mapping[str, Sequence[str]]:
        """Return why pods of runs under way don't start, by DAG, where tasks are pods."""
        if not self.needs_built_images(services):
            return {}
        watched = {name: run for name, (run, state) in runs.items() if state in _UNDER_WAY}
        return pods_unstarted({name: pod_selector(name, run) for name, run in watched.items()})


def _api(inputs: Mapping[str, Any]) -> AirflowApi:
    return AirflowApi(inputs["airflow"], inputs["secrets"], inputs["credentials"])


def _signed_in(inputs: Mapping[str, Any]) -> str:
    _api(inputs).has("atlas-doctor")
    return f"secret '{inputs['credentials']}'"


def _version(inputs: Mapping[str, Any]) -> str:
    """Return Airflow's version.

    Raises:
        PlatformError: DAG files of this Atlas need another one.
    """
    found = _api(inputs).version()
    number = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if number < _SUPPORTED or number[0] != _SUPPORTED[0]:
        raise PlatformError(
            f"airflow at {inputs['airflow']}: found version {found or 'unknown'}; expected 3.3 or "
            "a later 3: upgrade Airflow, or use the Atlas that was made for it"
        )
    return found


def _parts(inputs: Mapping[str, Any]) -> str:
    """Return the parts of Airflow that are healthy.

    Raises:
        PlatformError: one isn't.
    """
    parts = _api(inputs).parts()
    bad = sorted(name for name, status in parts.items() if status not in ("healthy", ""))
    if bad:
        raise PlatformError(
            f"airflow at {inputs['airflow']}: {', '.join(bad)}: not healthy; start it again, and "
            "see its log"
        )
    return ", ".join(name for name, status in parts.items() if status)


def _written(inputs: Mapping[str, Any]) -> str:
    bundle = open_bundle(inputs["dags"], inputs["secrets"], inputs.get("dagsCredentials", ""))
    bundle.probe()
    return bundle.where
