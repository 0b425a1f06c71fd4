"""The contract between a platform stack and everything that uses it.

Exported as the stack output ``platform``; the same in JSON Schema is `outputs.v1.json` of `atlas`,
and a test holds the two together. It names secrets and holds none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutput:
    """One service of a platform.

    Attributes:
        kind: what it is: ``airflow``, ``mlflow``, ``kfp`` (an API server), ``kfp.local``,
            ``folder``, ``file``…
        url: its address from where the CLI runs.
        workload_url: its address from inside a step.
        credentials: name of the secret that opens it; None for none.
        version: its version; empty where it has none.
        versioned: of a folder of DAGs, whether Airflow keeps the versions of files; else None.
        tasks: of Airflow, how it runs a step: ``process``, ``docker`` or ``kubernetes``.
        pool: of Airflow, the pool that steps run in; empty for its default.
        namespace: of Kubeflow Pipelines in multi-user mode, the namespace that pipelines and runs
            are in; empty in single-user mode.
    """

    kind: str
    url: str
    workload_url: str
    credentials: str | None = None
    version: str = ""
    versioned: bool | None = None
    tasks: str = ""
    pool: str = ""
    namespace: str = ""

    @classmethod
    def at(cls, kind: str, url: str, **more: Any) -> ServiceOutput:
        """Return a service that has one address from everywhere."""
        return cls(kind=kind, url=url, workload_url=url, **more)

    def to_json(self) -> dict[str, Any]:
        """Return the service as plain data."""
        plain = {
            "kind": self.kind,
            "url": self.url,
            "workload_url": self.workload_url,
            "credentials": self.credentials,
            "version": self.version,
        }
        own = {
            "versioned": self.versioned,
            "tasks": self.tasks,
            "pool": self.pool,
            "namespace": self.namespace,
        }
        return plain | {name: value for name, value in own.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What a platform stack offers.

    Attributes:
        stack: the stack's name.
        target: what it stands on.
        services: service by name.
    """

    stack: str
    target: str
    services: Mapping[str, ServiceOutput]

    def to_json(self) -> dict[str, Any]:
        """Return the platform as plain data."""
        return {
            "version": VERSION,
            "stack": self.stack,
            "target": self.target,
            "services": {name: service.to_json() for name, service in self.services.items()},
        }
