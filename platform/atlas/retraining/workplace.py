"""Where a monitor's task works: the store, the registry, and the targets that training starts on.

All of it is from the task's environment. What starts training is the content that was deployed, so
nothing of a project, of git or of Pulumi is needed, and no more may be started than is deployed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, TargetError
from atlas.kinds import content
from atlas.monitor.bundle import MonitoredConfig
from atlas.retraining.starting import RetrainingPlace
from atlas.step.versions import registry
from atlas.store import open_store
from atlas.targets import NOWHERE, target_named
from atlas.targets.launcher import LaunchSite
from atlas.targets.monitors import ADDRESSES, MEMBER, MONITORS, services_here
from atlas.uris import uri_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.monitor.spec import MonitoredPipeline
    from atlas.plan import Plan
    from atlas.store import Store
    from atlas.targets.launcher import Launcher
    from atlas.tracking.registry import ModelRegistry

_STORE = "ATLAS_STORE"


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a monitor's task works on one pipeline.

    Attributes:
        store: the artifact store.
        registry: the registry of models.
        monitored: the pipeline, with its Config's rule.
        services: the orchestrators that the task may start training on.
    """

    store: Store
    registry: ModelRegistry
    monitored: MonitoredPipeline
    services: Mapping[str, Mapping[str, Any]]

    @property
    def retrainings(self) -> RetrainingPlace:
        """Where retrainings are recorded, and what has them done."""
        return RetrainingPlace(self.store, self.registry, self._launcher, report=_report)

    def _launcher(self, target: str, _plan: Plan) -> Launcher:
        """Return the launcher of a target, which starts nothing but what is deployed.

        Raises:
            TargetError: this task doesn't know where the target is, or Atlas starts nothing there.
        """
        make = target_named(target).launcher
        if make is None:
            raise TargetError(f"target {target}: Atlas starts no runs on it; train on another one")
        if target not in self.services:
            variable = ADDRESSES.get(target, f"ATLAS_{target.upper()}_URL")
            raise TargetError(
                f"target {target}: this task doesn't know where it is; expected {variable} in the "
                "environment of the monitor's tasks (docs/retraining.md)"
            )
        return make(self._site(target))

    def _site(self, target: str) -> LaunchSite:
        own = dict(self.services[target])
        secret = str(own.pop("secret", ""))
        path = Path(secret) if secret else None
        service = {"kind": target, "credentials": path.stem if path else None, **own}
        vault = {"url": uri_of(path.parent)} if path else {"url": ""}
        return LaunchSite(
            pipelines=(),
            services={target: service, "secrets": vault},
            store=self.store,
            deployed=True,
            published=True,
            images=_no_images,
            local_images=_no_images,
            require_images=_nothing,
            origin_of=lambda _plan: NOWHERE,
            deployed_of=lambda _plan, _kind: None,
        )


def workplace(variables: Mapping[str, str] = os.environ) -> Workplace:
    """Return where this process works: a task of a monitor.

    Args:
        variables: its environment.

    Raises:
        AtlasError: a variable is missing, or what is monitored can't be read.
    """
    missing = [name for name in (_STORE, MONITORS, MEMBER) if not variables.get(name)]
    if missing:
        found = f"found no {' and no '.join(missing)}"
        raise AtlasError(f"{found}; expected the environment of a monitor's task: deploy it again")
    store = open_store(variables[_STORE])
    looked_at = MonitoredConfig.from_bytes(content.get(store.url, variables[MONITORS]))
    name = variables[MEMBER]
    if name not in looked_at.pipelines:
        known = ", ".join([*looked_at.pipelines][:10])
        raise AtlasError(f"{MEMBER}: found '{name[:80]}', which isn't monitored; expected {known}")
    return Workplace(store, registry(store), looked_at.pipelines[name], services_here(variables))


def _no_images(_plan: Plan) -> Mapping[str, str]:
    return {}


def _nothing() -> None:
    """Do nothing: what is deployed was looked for when it was deployed."""


def _report(*facts: Any) -> str:
    """Return a run's report; what draws it is imported once there is one to draw."""
    from atlas.draw.report import report

    return report(*facts)
