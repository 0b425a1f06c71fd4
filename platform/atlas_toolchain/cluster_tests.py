"""The programs of a Kubernetes control plane, which only tests of clusters need.

They are taken from PATH in a version that will do, else built from Go modules into the cache, by
``python platform/atlas_toolchain --cluster-tests all``. Nobody who uses Atlas needs them.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, golang, plugin, probe, shell
from atlas_toolchain.version import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

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
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    GoProgram(
        name="kwok",
        module=plugin.MODULE,
        package="sigs.k8s.io/kwok/cmd/kwok",
        version="0.7.0",
        needed=">=0.7,<1",
    ),
    GoProgram(name="etcd", module="etcd_server", package=".", version="3.6.7", needed=">=3.6,<4"),
    GoProgram(
        name="versitygw",
        module="versitygw_cli",
        package="github.com/versity/versitygw/cmd/versitygw",
        version="1.8.0",
        needed=">=1.8,<2",
        variable="main.Version",
    ),
)
"""Those of a module are next to each other; what takes longest comes first."""
CONTROL_PLANE = tuple(one.name for one in PROGRAMS if one.name != "versitygw")
"""What a control plane with nodes takes; the rest is for long tests."""
_AT_A_TIME = 2
"""Builds that go on at the same time: one compiles while another one downloads, or links."""


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


def get(
    say: Callable[[str], None], names: Collection[str] = (), *, with_plugin: bool = False
) -> dict[str, str]:
    """Build what is missing of them into the cache.

    Args:
        say: prints what takes long, before it does.
        names: which ones; by default all.
        with_plugin: whether Pulumi's plugin for Kubernetes is needed as well.

    Returns:
        Why one couldn't be got, by name; empty reasons for what is there now.
    """
    wanted = [one for one in PROGRAMS if not names or one.name in names]
    if all(map(_find, wanted)) and (not with_plugin or plugin.finding().ok):
        return {}
    with (
        cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")),
        ThreadPoolExecutor(_AT_A_TIME) as pool,
    ):
        missing = [one for one in wanted if _find(one) is None]
        modules = dict.fromkeys(one.module for one in missing)
        if with_plugin:
            modules.setdefault(plugin.MODULE)
        builds = [
            pool.submit(_get_module, module, [one for one in missing if one.module == module], say,
                        with_plugin=with_plugin)
            for module in modules
        ]  # fmt: skip
        return {name: why for done in builds for name, why in done.result().items()}


def _get_module(
    module: str, programs: Sequence[GoProgram], say: Callable[[str], None], *, with_plugin: bool
) -> dict[str, str]:
    """Get the programs of a module; return why that failed, or "", by name.

    The plugin goes before KWOK, which then takes most of its packages as they were compiled.
    """
    tried = plugin.obtain(say) if with_plugin and module == plugin.MODULE else {}
    if not programs:
        return tried
    why = _build(programs, say)
    return tried | {
        one.name: why or ("" if _find(one) else f"what was built doesn't run here as {one.version}")
        for one in programs
    }


def _build(programs: Sequence[GoProgram], say: Callable[[str], None]) -> str:
    """Build programs of one module at once, keep those that run; return why that failed, or ""."""
    first = programs[0]
    if not golang.there():
        return f"not on PATH in a version {first.needed}, and no go to build it with"
    say(f"{', '.join(one.name for one in programs)} {first.version}: building from Go modules")
    flags = f"-X {first.variable}=v{first.version}" if first.variable else ""
    try:
        with cache.scratch() as made:
            packages = {one.name: one.package for one in programs}
            # What shares the plugin's packages is built as the plugin is.
            quickly = first.module != plugin.MODULE
            golang.build_all(first.module, packages, flags, made, quickly=quickly)
            built = [made / one.name for one in programs if _fits(one, str(made / one.name))]
            cache.place(built, folder())
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""
