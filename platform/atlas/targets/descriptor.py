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
    """

    name: str
    noun: str
    owned_as: str
    addresses: frozenset[str]
    handler: Callable[[], Kind[Any, Any]]
    operations: Callable[[], Operations]

    @property
    def token(self) -> str:
        """The kind's type token in Pulumi."""
        return f"atlas:index:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target.

    Attributes:
        name: as Environments write it.
        title: as people write it.
        compiler: makes what compiles Plans for a platform.
        launcher: makes what runs Plans on a platform; None where runs can only be started there.
        deployed: how its flows are deployed; None where its files are taken there by hand.
        packages: distributions besides Atlas whose version decides what is compiled.
    """

    name: str
    title: str
    compiler: Callable[[CompileSite], Compiler]
    launcher: Callable[[LaunchSite], Launcher] | None = None
    deployed: DeployedKind | None = None
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
        kind = target_named(name).deployed
        if kind is not None:
            yield kind


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
