"""The programs of a Kubernetes control plane, which only tests of clusters need.

They are taken from PATH in a version that will do, else built from Go modules into the cache, by
``python platform/atlas_toolchain --cluster-tests``. Nobody who uses Atlas needs them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, golang, probe, shell
from atlas_toolchain.version import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

KUBERNETES = "1.36.3"
_KUBERNETES_VERSION = "k8s.io/component-base/version.gitVersion"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoProgram:
    """A program that is built from a Go module.

    Attributes:
        name: its name, which is that of its executable.
        module: its module in `go`, which isn't called as the program: both are in one folder.
        package: the Go package that it is.
        version: the version that is built.
        needed: the versions that will do.
        variable: the variable of it that has its version; empty where it knows it.
        arguments: what makes it print its version.
    """

    name: str
    module: str
    package: str
    version: str
    needed: str
    variable: str = ""
    arguments: tuple[str, ...] = ("--version",)


def _kubernetes(name: str) -> GoProgram:
    """Return a program of Kubernetes' own."""
    return GoProgram(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version=KUBERNETES,
        needed=">=1.35,<2",
        variable=_KUBERNETES_VERSION,
    )


PROGRAMS = (
    GoProgram(name="etcd", module="etcd_server", package=".", version="3.6.7", needed=">=3.6,<4"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    GoProgram(
        name="kwok",
        module="kwok_cli",
        package="sigs.k8s.io/kwok/cmd/kwok",
        version="0.7.0",
        needed=">=0.7,<1",
    ),
    GoProgram(
        name="versitygw",
        module="versitygw_cli",
        package="github.com/versity/versitygw/cmd/versitygw",
        version="1.8.0",
        needed=">=1.8,<2",
        variable="main.Version",
    ),
)
"""In the order in which they are built; each is there for whoever waits as soon as it is."""


def folder() -> Path:
    """Return the folder of the cache that they are in."""
    return cache.root() / "cluster-tests" / "bin"


def find(name: str) -> Path | None:
    """Return a program of the table: of PATH, else of the cache, in a version that will do."""
    (program,) = (one for one in PROGRAMS if one.name == name)
    return _find(program)


def _find(program: GoProgram) -> Path | None:
    """Return where a program is, in a version that will do."""
    paths = (shutil.which(program.name), shutil.which(program.name, path=str(folder())))
    fit = (Path(path) for path in paths if path and _fits(program, path))
    return next(fit, None)


def _fits(program: GoProgram, path: str) -> bool:
    """Tell whether a program runs, in a version that will do."""
    return satisfies(probe.version_of(path, program.arguments), program.needed)


def get(say: Callable[[str], None], names: Collection[str] = ()) -> dict[str, str]:
    """Build what is missing of them into the cache.

    Args:
        say: prints what takes long, before it does.
        names: which ones; by default all.

    Returns:
        Why one couldn't be got, by name; empty reasons for what is there now.
    """
    wanted = [one for one in PROGRAMS if not names or one.name in names]
    if all(map(_find, wanted)):
        return {}
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")):
        return {one.name: _get(one, say) for one in wanted if _find(one) is None}


def _get(program: GoProgram, say: Callable[[str], None]) -> str:
    """Build one of them; return why that failed, or ""."""
    if not golang.there():
        return f"not on PATH in a version {program.needed}, and no go to build it with"
    say(f"{program.name} {program.version}: building from Go modules, up to 5 minutes")
    flags = f"-X {program.variable}=v{program.version}" if program.variable else ""
    try:
        with cache.scratch() as made:
            built = golang.build(program.module, program.package, flags, made / program.name)
            if not _fits(program, str(built)):
                raise OSError(f"what was built doesn't run here as {program.version}")
            cache.place([built], folder())
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""
