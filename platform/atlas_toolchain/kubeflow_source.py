"""Kubeflow Pipelines as a checkout of its source, for tests: of a release that isn't a Go module.

The variable ``ATLAS_TEST_KUBEFLOW_SOURCE`` names a folder that somebody has got it into, by git or
from an archive. Nothing is written to it; what is built of it goes to the cache, under a name that
tells the release and what the files were.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from atlas_toolchain import golang, shell

VARIABLE = "ATLAS_TEST_KUBEFLOW_SOURCE"
DEFINITIONS = "manifests/kustomize/base/pipeline/cluster-scoped"
"""Where the definitions of its custom resources are."""
ROLES = ("manifests/kustomize/base/pipeline/pipeline-runner-role.yaml",)
"""What the pods of its runs may do."""
_PARTS = ("api", "backend", "kubernetes_platform", "third_party/ml-metadata")
_SQLITE = "github.com/mattn/go-sqlite3"


def place() -> Path | None:
    """Return the checkout that the variable names.

    Raises:
        OSError: it names something else.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).resolve()
    missing = [name for name in ("VERSION", "go.mod", "backend/src/apiserver", DEFINITIONS)
               if not (folder / name).exists()]  # fmt: skip
    if missing:
        raise OSError(
            f"{VARIABLE}={named}: found no {missing[0]} there, expected a checkout of "
            "github.com/kubeflow/pipelines"
        )
    return folder


def release(source: Path) -> str:
    """Return the release of a checkout, such as ``2.17.0``."""
    return (source / "VERSION").read_text("utf-8").strip()


def name_of(source: Path) -> str:
    """Return the name of what is built of a checkout: another one once a file of it changes."""
    seen = hashlib.sha256()
    files = [source / "go.mod", source / "go.sum"]
    files += (path for part in _PARTS for path in (source / part).rglob("*.go"))
    for path in sorted(files):
        stat = path.stat()
        line = f"{path.relative_to(source)} {stat.st_size} {stat.st_mtime_ns}\n"
        seen.update(line.encode())
    return f"{release(source)}-{seen.hexdigest()[:12]}"


def build(source: Path, package: str, target: Path) -> Path:
    """Build one package of a checkout, and return the program.

    SQLite, which only Kubeflow's own tests keep data in, would need a C compiler: what the API
    server names of it is put in its place, in a copy of the checkout's go.mod.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    module = target.parent / "go.mod"
    if not module.exists():
        shutil.copyfile(source / "go.mod", module)
        shutil.copyfile(source / "go.sum", module.with_suffix(".sum"))
        sqlite = golang.copied("kubeflow_pipelines", target.parent) / "sqlite"
        replaced = f"-replace={_SQLITE}={sqlite}"
        shell.run(["go", "mod", "edit", replaced, module], folder=target.parent)
    golang.run_build(source, f"./{package}", "", target, [f"-modfile={module}", "-mod=mod"])
    return target
