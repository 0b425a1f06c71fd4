"""What a target is: one frozen descriptor, and the protocols of what it gives.

A descriptor is small and cheap to import. What it names is imported when it is called: a compiler
to validate and compile, a launcher to run, a handler and operations to deploy. All other rooms of
Atlas reach a target through its descriptor and know no target by name.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import TargetError
from atlas.registered import TARGETS, load_descriptor, outside_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from atlas.kinds.protocol import Kind
    from atlas.targets.launcher import Launcher, LaunchSite
    from atlas.targets.monitors import Monitor
    from atlas.targets.operations import Operations
    from atlas.targets.protocol import Compiler


@dataclass(frozen=True, slots=True)
class CompileSite:
    """What a target compiles for.

    Attributes:
        services: the platform's, as its outputs have them; none where no platform is known.
        project: the project's folder on this machine, for data in it.
        options: what the caller asks of one target's compiler, such as Kubeflow's `exit_handler`;
            a compiler ignores what it doesn't know.
    """

    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    project: Path | None = None
    options: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedKind:
    """How a target's flows are deployed: one resource a flow, of one kind.

    Attributes:
        name: the kind's name, which is in Pulumi's state: ``AirflowDags``.
        noun: what one member is to a person: ``Airflow DAG``.
        owned_as: under what the artifact store has who owns a member's name: ``dags``.
        addresses: the inputs that say where the platform is, which `Operations.addresses` gives.
        handler: makes the handler of the kind.
        operations: makes what else is done with its resources.
        is_per_pipeline: whether a member is one pipeline's flow, named ``<pipeline>-<flow>``.
    """

    name: str
    noun: str
    owned_as: str
    addresses: frozenset[str]
    handler: Callable[[], Kind[Any, Any]]
    operations: Callable[[], Operations]
    is_per_pipeline: bool = True

    @property
    def token(self) -> str:
        """The kind's type token in Pulumi."""
        return f"atlas:index:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorTarget:
    """How a target runs the monitor of a Config: one resource, most often with one member.

    Attributes:
        target: the target's name.
        kind: how it is deployed.
        is_on: tells whether a platform has the target's orchestrator, and a place for the files.
        uses_image: tells whether tasks there run in an image.
        compile: returns the files that stand for a monitor: name → content.
    """

    target: str
    kind: DeployedKind
    is_on: Callable[[Mapping[str, Mapping[str, Any]]], bool]
    uses_image: Callable[[CompileSite], bool]
    compile: Callable[[Monitor, CompileSite], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target.

    Attributes:
        name: as Environments write it.
        title: as people write it.
        compiler: makes what compiles Plans for a platform.
        launcher: makes what runs Plans on a platform; None where runs can only be started there.
        deployed: how its flows are deployed; None where its files are taken there by hand.
        monitor: how it runs the monitor of a Config; None where it can't.
        packages: distributions besides Atlas whose version decides what is compiled.
    """

    name: str
    title: str
    compiler: Callable[[CompileSite], Compiler]
    launcher: Callable[[LaunchSite], Launcher] | None = None
    deployed: DeployedKind | None = None
    monitor: MonitorTarget | None = None
    packages: tuple[str, ...] = ()


def deployed_kinds() -> Iterator[DeployedKind]:
    """Give the kinds of resources of all targets: Atlas's own first, before others are looked for.

    Raises:
        TargetError: the descriptor of a target from outside can't be imported.
    """
    yield from _deployed(TARGETS)
    yield from _deployed(outside_names())


def _deployed(names: Iterable[str]) -> Iterator[DeployedKind]:
    for name in names:
        target = target_named(name)
        if target.deployed is not None:
            yield target.deployed
        if target.monitor is not None:
            yield target.monitor.kind


def target_named(name: str) -> Target:
    """Return the descriptor of a target.

    Raises:
        TargetError: there is none of that name, or it can't be imported.
    """
    registered = load_descriptor(name)
    if not isinstance(registered, Target) or registered.name != name:
        raise TargetError(
            f"target {name}: what is registered under the name is {registered!r:.200}; expected an "
            f"atlas.targets.Target whose name is '{name}'"
        )
    return registered


def monitor_target(services: Mapping[str, Mapping[str, Any]]) -> MonitorTarget | None:
    """Return how monitors run on a platform: by the first target that can; None for none.

    Args:
        services: the platform's, as its outputs have them.
    """
    targets = (target_named(name).monitor for name in (*TARGETS, *outside_names()))
    return next((one for one in targets if one is not None and one.is_on(services)), None)
