"""The targets that are registered: Atlas's own in a table, others as entry points of packages.

To add a target to Atlas: its folder in `atlas.targets`, and a line in the table here. To add one
from outside: a package with an entry point in the group ``atlas.targets``, of the target's name,
that names the target's descriptor (`atlas.targets.descriptor.Target`)::

    [project.entry-points."atlas.targets"]
    argo = "atlas_argo:TARGET"

Only what is installed is ever loaded: a name in a document chooses among these targets.
The rooms below the targets read the table; nothing here imports a target.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

GROUP = "atlas.targets"
"""The group of entry points."""
LOCAL_TARGET = "local"
"""What is run by Atlas itself, on this machine: it has no files and no orchestrator."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One line of the table.

    Attributes:
        descriptor: module and name of the descriptor, as an entry point writes them.
        store_folder: the folder at the top of the artifact store that is the target's own; empty
            for none. A target from outside keeps what it has under ``deployments``.
        settings: the settings of an Environment that complete the outputs of its service.
    """

    descriptor: str
    store_folder: str = ""
    settings: tuple[str, ...] = ()


TARGETS: Mapping[str, Registration] = {
    "kubeflow": Registration(
        "atlas.targets.kubeflow:TARGET", store_folder="kubeflow", settings=("namespace",)
    ),
    "airflow": Registration("atlas.targets.airflow:TARGET"),
}
"""Atlas's own targets, by the names that Environments use."""
DEFAULT_TARGETS: Mapping[str, str] = {"training": "kubeflow", "inference": "airflow"}
"""What runs each flow when the Environment says nothing else."""
STORE_FOLDERS = tuple(line.store_folder for line in TARGETS.values() if line.store_folder)
"""The folders at the top of the artifact store that are targets' own."""


def target_names() -> tuple[str, ...]:
    """Return the names of all targets that have an orchestrator: Atlas's own first."""
    return (*TARGETS, *outside_names())


def outside_names() -> tuple[str, ...]:
    """Return the names of the targets that installed packages add."""
    return (*_from_outside(),)


def is_target(name: str) -> bool:
    """Tell whether there is a target of a name, ``local`` among them."""
    return name == LOCAL_TARGET or name in TARGETS or name in _from_outside()


def load_descriptor(name: str) -> Any:
    """Import the descriptor of a target.

    Raises:
        TargetError: there is no target of that name; or the package that registers it can't be
            imported, has no such descriptor, or isn't the only one that registers the name.
    """
    if name in TARGETS:
        module, _, attribute = TARGETS[name].descriptor.partition(":")
        return getattr(import_module(module), attribute)
    points = _from_outside().get(name, ())
    if not points:
        raise TargetError(f"there is no target '{name}'; expected {' or '.join(target_names())}")
    if len(points) > 1:
        raise TargetError(
            f"target {name}: {len(points)} installed packages register it "
            f"({', '.join(sorted(point.value for point in points))}); uninstall all but one"
        )
    try:
        return points[0].load()
    except Exception as error:
        raise TargetError(
            f"target {name}: its descriptor {points[0].value} can't be imported "
            f"({type(error).__name__}: {error}); mend or uninstall the package that registers it"
        ) from error


@cache
def _from_outside() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the entry points of installed packages by name; Atlas's own names are taken.

    Read only where a name isn't in the table: to look through all packages takes 20 ms and more.
    """
    from importlib.metadata import entry_points

    points: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        if point.name not in (LOCAL_TARGET, *TARGETS) and point not in points.get(point.name, ()):
            points[point.name] = (*points.get(point.name, ()), point)
    return dict(sorted(points.items()))
