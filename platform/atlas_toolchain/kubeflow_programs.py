"""The programs of a Kubeflow Pipelines: for `atlas:kubeflow: cluster`, and for tests.

They are built into the cache by ``python platform/atlas_toolchain`` with ``--kubeflow-tests api``,
or ``runs``, beside what tests of clusters need: from Go modules, which give release 2.0.5 and no
newer one, or from a checkout of another release (`kubeflow_source`), which runs take. A folder that
the variable ``ATLAS_TEST_KUBEFLOW`` names goes before the cache: it has the same programs, and the
release in a file ``VERSION``.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, debian, golang, kubeflow_source, shell
from atlas_toolchain.catalog import ToolchainProgram

if TYPE_CHECKING:
    from collections.abc import Callable

PIPELINES = "2.0.5"
"""The newest release that is a Go module."""
ARGO = "4.0.5"
"""The release of Argo Workflows that runs take."""
VARIABLE = "ATLAS_TEST_KUBEFLOW"
LOCK = Path(__file__).parent / "ml-metadata.lock"
_STORE = "ml-metadata"
_PYTHON = (3, 11)
"""What the newest wheel of the metadata store is for."""
_MODULE, _SOURCE = "kubeflow_pipelines", "github.com/kubeflow/pipelines"
_ARGO_MODULE, _ARGO_SOURCE = "argo_workflows", "github.com/argoproj/argo-workflows/v4"


@dataclass(frozen=True, slots=True)
class KubeflowProgram:
    """A program of a Kubeflow Pipelines, or of its Argo Workflows.

    Attributes:
        name: what it is called here.
        package: where its Go package is in its source.
        is_argo: whether it is Argo's.
    """

    name: str
    package: str
    is_argo: bool = False


PROGRAMS = (
    KubeflowProgram("kfp-apiserver", "backend/src/apiserver"),
    KubeflowProgram("kfp-driver", "backend/src/v2/cmd/driver"),
    KubeflowProgram("kfp-launcher", "backend/src/v2/cmd/launcher-v2"),
    KubeflowProgram("kfp-agent", "backend/src/agent/persistence"),
    KubeflowProgram("kfp-schedules", "backend/src/crd/controller/scheduledworkflow"),
    KubeflowProgram("argo-controller", "cmd/workflow-controller", is_argo=True),
    KubeflowProgram("argoexec", "cmd/argoexec", is_argo=True),
)
"""Those that are built here: the first is the API's, all others are only for runs."""
AROUND = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "versitygw")
"""Programs of `cluster_tests` that all of it stands on."""
DEFINITIONS = (
    "manifests/kustomize/base/pipeline/cluster-scoped",
    "manifests/kustomize/third-party/argo/upstream/manifests/base/crds/minimal",
)
"""Where the module has the definitions of custom resources: Kubeflow's own, and Argo's."""
_ARGO_DEFINITIONS = "manifests/base/crds/minimal"
MARIADB = ToolchainProgram(
    "mariadb",
    "",
    "all; only the tests of Kubeflow keep its database in it",
    names=("mariadbd",),
    debian="mariadb-server-core",
    home="https://mariadb.org/download",
)


def folder() -> Path:
    """Return the folder of the cache that they are in.

    Raises:
        OSError: the checkout that is named is none.
    """
    source = kubeflow_source.place()
    name = kubeflow_source.name_of(source) if source else PIPELINES
    return cache.root() / f"kubeflow-tests-{name}"


def argo_folder() -> Path:
    """Return the folder of the cache that Argo's are in."""
    return cache.root() / f"argo-tests-{ARGO}"


def release() -> str:
    """Return the release of the programs."""
    named = os.environ.get(VARIABLE)
    if named and (Path(named) / "VERSION").is_file():
        return (Path(named) / "VERSION").read_text("utf-8").strip()
    source = kubeflow_source.place()
    return kubeflow_source.release(source) if source else PIPELINES


def find(name: str) -> Path | None:
    """Return a program of the table: of the folder that the variable names, else of the cache."""
    named = os.environ.get(VARIABLE)
    own = folder() / "bin"
    places = (Path(named or own) / name, own / name, argo_folder() / "bin" / name)
    return next((path for path in places if path.is_file()), None)


def metadata_python() -> Path | None:
    """Return the Python that has the metadata store."""
    python = _store_folder() / "bin" / "python"
    return python if (_store_folder() / "complete").is_file() and python.exists() else None


def _store_folder() -> Path:
    return cache.root() / f"kubeflow-tests-{PIPELINES}" / _STORE


def mariadb() -> Path | None:
    """Return the database server; Debian has it where only root looks for programs."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
    found = shutil.which("mariadbd", path=path)
    return Path(found) if found else None


def definitions() -> list[Path]:
    """Return the definitions of the custom resources, each a YAML file."""
    return sorted((folder() / "definitions").glob("*.yaml"))


def roles() -> list[Path]:
    """Return what says what the pods of runs may do, each a YAML file; none of 2.0.5."""
    return sorted((folder() / "roles").glob("*.yaml"))


def get(say: Callable[[str], None], uv: Path, *, api_only: bool) -> dict[str, str]:
    """Get what is missing of them.

    Args:
        say: prints what takes long, before it does.
        uv: the program that fills the metadata store's virtual environment.
        api_only: whether only the API is wanted, which needs less.

    Returns:
        Why one couldn't be got, by name; empty reasons for what is there now.
    """
    try:
        source = kubeflow_source.place()
    except OSError as error:
        return {"source": str(error)}
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")):
        tried = _programs(say, source, api_only=api_only)
        if len(definitions()) == 0:
            tried["definitions"] = _try(lambda: _copy_definitions(source))
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


def _programs(say: Callable[[str], None], source: Path | None, *, api_only: bool) -> dict[str, str]:
    """Build those that are missing: of 2.0.5 the API's alone, for it can't run Atlas's packages."""
    is_whole = source is not None and not api_only
    wanted = [one for one in PROGRAMS[: None if is_whole else 1] if find(one.name) is None]
    if not wanted:
        return {}
    if not golang.there():
        return dict.fromkeys((one.name for one in wanted), "no go >= 1.25 to build it with")
    with cache.scratch() as made:
        return {one.name: _built(one, say, source, made) for one in wanted}


def _built(
    program: KubeflowProgram, say: Callable[[str], None], source: Path | None, made: Path
) -> str:
    """Build one of them into the cache; return why that failed, or ""."""
    origin = "from Go modules" if program.is_argo or source is None else f"from {source}"
    say(f"{program.name}: building {origin}, up to 4 minutes")

    def way() -> None:
        target = made / program.name
        if program.is_argo:
            _build_argo(program, target)
        elif source is None:
            golang.build(_MODULE, f"{_SOURCE}/{program.package}", "", target)
        else:
            kubeflow_source.build(source, program.package, target)
        cache.place([target], (argo_folder() if program.is_argo else folder()) / "bin")

    return _try(way)


def _build_argo(program: KubeflowProgram, target: Path) -> None:
    """Build a program of Argo's. Its module lacks a file that is a link in its repository."""
    own = golang.copied(_ARGO_MODULE, target.parent)
    copy = target.parent / "argo-source"
    if not copy.exists():
        golang.own_copy(_ARGO_SOURCE, own, copy)
        place = copy / "workflow" / "executor" / "osspecific"
        shutil.copyfile(place / "signal_darwin.go", place / "signal_linux.go")
    golang.run_build(own, f"{_ARGO_SOURCE}/{program.package}", "", target)


def _copy_definitions(source: Path | None) -> None:
    """Take custom resources' definitions from the modules, or from a checkout with its roles."""
    with cache.scratch() as made:
        if source is None:
            module = golang.source(_MODULE, _SOURCE, made)
            places = [module / place for place in DEFINITIONS]
        else:
            argo = golang.source(_ARGO_MODULE, _ARGO_SOURCE, made)
            places = [source / kubeflow_source.DEFINITIONS, argo / _ARGO_DEFINITIONS]
            roles = [source / role for role in kubeflow_source.ROLES]
            _place_copies(roles, made / "roles", folder() / "roles")
        found = sorted(file for place in places for file in place.glob("*.yaml"))
        own = [
            path for path in found if "kind: CustomResourceDefinition" in path.read_text("utf-8")
        ]
        _place_copies(own, made / "definitions", folder() / "definitions")


def _place_copies(files: list[Path], scratch: Path, place: Path) -> None:
    scratch.mkdir()
    for path in files:
        shutil.copyfile(path, scratch / path.name)
    cache.place(sorted(scratch.glob("*.yaml")), place)


def _install_store(uv: Path) -> None:
    """Fill an environment with the metadata store, hashes checked."""
    place = _store_folder()
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
