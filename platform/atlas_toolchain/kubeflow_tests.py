"""The programs of a Kubeflow Pipelines, which only tests of Kubeflow need.

They are built from Go modules into the cache by ``python platform/atlas_toolchain`` with
``--kubeflow-tests api``, or ``runs``, beside what tests of clusters need. A folder that the
variable ``ATLAS_TEST_KUBEFLOW`` names goes before the cache: it has the same programs of another
release. Nobody who uses Atlas needs them.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, debian, golang, shell
from atlas_toolchain.catalog import ToolchainProgram

if TYPE_CHECKING:
    from collections.abc import Callable

PIPELINES = "2.0.5"
"""The newest release that is a Go module."""
VARIABLE = "ATLAS_TEST_KUBEFLOW"
LOCK = Path(__file__).parent / "ml-metadata.lock"
_STORE = "ml-metadata"
_PYTHON = (3, 11)
"""What the newest wheel of the metadata store is for."""
_MODULE = "kubeflow_pipelines"
_SOURCE = "github.com/kubeflow/pipelines"


@dataclass(frozen=True, slots=True)
class KubeflowProgram:
    """A program of a Kubeflow Pipelines.

    Attributes:
        name: what it is called here.
        module: its module in `go`.
        package: the Go package that it is.
        flags: flags for the linker.
    """

    name: str
    module: str
    package: str
    flags: str = ""


PROGRAMS = (KubeflowProgram("kfp-apiserver", _MODULE, f"{_SOURCE}/backend/src/apiserver"),)
"""Those that are built here."""
AROUND = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "versitygw")
"""Programs of `cluster_tests` that all of it stands on."""
DEFINITIONS = (
    "manifests/kustomize/base/pipeline/cluster-scoped",
    "manifests/kustomize/third-party/argo/upstream/manifests/base/crds/minimal",
)
"""Where the module has the definitions of custom resources: Kubeflow's own, and Argo's."""
MARIADB = ToolchainProgram(
    "mariadb",
    "",
    "all; only the tests of Kubeflow keep its database in it",
    names=("mariadbd",),
    debian="mariadb-server-core",
    home="https://mariadb.org/download",
)


def folder() -> Path:
    """Return the folder of the cache that they are in."""
    return cache.root() / f"kubeflow-tests-{PIPELINES}"


def find(name: str) -> Path | None:
    """Return a program of the table: of the folder that the variable names, else of the cache."""
    named = os.environ.get(VARIABLE)
    places = (Path(named or folder() / "bin") / name, folder() / "bin" / name)
    return next((path for path in places if path.is_file()), None)


def metadata_python() -> Path | None:
    """Return the Python that has the metadata store."""
    python = folder() / _STORE / "bin" / "python"
    return python if (folder() / _STORE / "complete").is_file() and python.exists() else None


def mariadb() -> Path | None:
    """Return the database server; Debian has it where only root looks for programs."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
    found = shutil.which("mariadbd", path=path)
    return Path(found) if found else None


def definitions() -> list[Path]:
    """Return the definitions of the custom resources, each a YAML file."""
    return sorted((folder() / "definitions").glob("*.yaml"))


def get(say: Callable[[str], None], uv: Path, *, api_only: bool) -> dict[str, str]:
    """Get what is missing of them.

    Args:
        say: prints what takes long, before it does.
        uv: the program that fills the metadata store's virtual environment.
        api_only: whether only the API is wanted, which needs less.

    Returns:
        Why one couldn't be got, by name; empty reasons for what is there now.
    """
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")):
        tried = {one.name: _build(one, say) for one in PROGRAMS if find(one.name) is None}
        if len(definitions()) == 0:
            tried["definitions"] = _try(_copy_definitions)
        if not api_only and metadata_python() is None:
            say("ml-metadata: installing into an environment of its own")
            tried[_STORE] = _try(lambda: _install_store(uv))
    if mariadb() is None:
        tried[MARIADB.name] = _install_mariadb(say)
    return tried


def _try(way: Callable[[], None]) -> str:
    """Try something; return why it failed, or ""."""
    try:
        way()
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""


def _build(program: KubeflowProgram, say: Callable[[str], None]) -> str:
    """Build one of them into the cache; return why that failed, or ""."""
    if not golang.there():
        return f"not in {folder()}, and no go >= 1.25 to build it with"
    say(f"{program.name}: building from Go modules, up to 3 minutes")

    def way() -> None:
        with cache.scratch() as made:
            target = made / program.name
            built = golang.build(program.module, program.package, program.flags, target)
            cache.place([built], folder() / "bin")

    return _try(way)


def _copy_definitions() -> None:
    """Take the custom resources' definitions from the modules."""
    with cache.scratch() as made:
        source = golang.source(_MODULE, _SOURCE, made)
        for path in sorted(
            file for place in DEFINITIONS for file in (source / place).glob("*.yaml")
        ):
            if "kind: CustomResourceDefinition" in path.read_text("utf-8"):
                shutil.copyfile(path, made / path.name)
        cache.place(sorted(made.glob("*.yaml")), folder() / "definitions")


def _install_store(uv: Path) -> None:
    """Fill an environment with the metadata store, hashes checked."""
    place = folder() / _STORE
    python = sys.executable if sys.version_info[:2] == _PYTHON else shutil.which("python3.11")
    if python is None:
        raise OSError("no python3.11 on PATH, which the newest ml-metadata is for")
    shutil.rmtree(place, ignore_errors=True)
    shell.run([uv, "venv", "--quiet", "--python", python, place])
    options: list[str | Path]
    options = ["--quiet", "--require-hashes", "--compile-bytecode", "--requirement", LOCK]
    shell.run([uv, "pip", "install", "--python", place / "bin" / "python", *options])
    (place / "complete").touch()


def _install_mariadb(say: Callable[[str], None]) -> str:
    """Install the database server where Debian's packages may be; return why it isn't there."""
    say(f"installing Debian packages: {MARIADB.debian}")
    why = "" if debian.prefix() is None else _try(lambda: debian.install([MARIADB]))
    return "" if mariadb() else f"{why or 'not found'}; to get it: {debian.command(MARIADB)}"
