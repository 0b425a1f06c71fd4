"""Helm and Kustomize, which render manifests: on PATH, in the cache, downloaded, or built.

They are got when they are asked for: only a platform on a cluster needs them.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, download, golang, probe, shell
from atlas_toolchain.finding import Finding
from atlas_toolchain.version import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKSUMS = Path(__file__).parent / "rendering-checksums.txt"
WITHOUT = "all but platforms on clusters whose manifests nobody has rendered"
GET = "atlas doctor --install --cluster, with a network or with Go >= 1.25"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingTool:
    """A program that renders manifests.

    Attributes:
        name: its name, which is also that of its executable; its module in `go` ends in ``_cli``.
        version: the version that is downloaded or built.
        needed: the versions that will do.
        archive: name of its archive, given ``{version}``, ``{system}`` and ``{machine}``.
        base: the address that the archive is under.
        package: the Go package that it is.
        variable: the variable of it that has its version.
        arguments: what makes it print its version.
    """

    name: str
    version: str
    needed: str
    archive: str
    base: str
    package: str
    variable: str
    arguments: tuple[str, ...]

    def archive_here(self) -> str:
        """Return the name of the archive for this machine."""
        system = os.uname()
        machine = system.machine.lower()
        return self.archive.format(
            version=self.version,
            system=system.sysname.lower(),
            machine=_MACHINES.get(machine, machine),
        )


TOOLS = (
    RenderingTool(
        name="helm",
        version="3.20.0",
        needed=">=3.19,<5",
        archive="helm-v{version}-{system}-{machine}.tar.gz",
        base="https://get.helm.sh",
        package="helm.sh/helm/v3/cmd/helm",
        variable="helm.sh/helm/v3/internal/version.version",
        arguments=("version", "--short"),
    ),
    RenderingTool(
        name="kustomize",
        version="5.7.1",
        needed=">=5.4,<6",
        archive="kustomize_v{version}_{system}_{machine}.tar.gz",
        base="https://github.com/kubernetes-sigs/kustomize/releases/download/kustomize/v5.7.1",
        package="sigs.k8s.io/kustomize/kustomize/v5",
        variable="sigs.k8s.io/kustomize/api/provenance.version",
        arguments=("version",),
    ),
)


def folder() -> Path:
    """Return the folder of the cache that they are in."""
    return cache.root() / "manifests" / "bin"


def cached() -> list[Path]:
    """Return those that are in the cache."""
    return sorted(folder().glob("*"))


def finding(tool: RenderingTool) -> Finding:
    """Return the finding for one of them."""
    path = shutil.which(tool.name) or shutil.which(tool.name, path=str(folder())) or ""
    version = probe.version_of(path, tool.arguments) if path else ""
    why = cache.refusals().get(tool.name, f"found {version} at {path}" if path else "not on PATH")
    return Finding(
        tool=tool.name,
        found=version,
        needed=tool.needed,
        origin=path,
        without=WITHOUT,
        get=GET,
        why=why,
        ok=satisfies(version, tool.needed),
    )


def get(say: Callable[[str], None]) -> dict[str, str]:
    """Get what is missing of them, into the cache.

    Args:
        say: prints what takes long, before it does.

    Returns:
        Why it couldn't be got, by tool; empty reasons for what is there now.
    """
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")):
        tried = {tool.name: _get(tool, say) for tool in TOOLS if not finding(tool).ok}
    for name, why in tried.items():
        cache.remember(name, why)
    return tried


def _get(tool: RenderingTool, say: Callable[[str], None]) -> str:
    """Get one of them by the first way that works; return why none did, or ""."""
    say(f"{tool.name} {tool.version}: downloading")
    refused = _try(_download, tool)
    if not refused:
        return ""
    if not golang.there():
        return f"download: {refused}; build: no go on PATH"
    say(f"{tool.name} {tool.version}: {refused}; building from Go modules, a minute or two")
    built = _try(_build, tool)
    return built and f"download: {refused}; build: {built}"


def _try(way: Callable[[RenderingTool, Path], Path], tool: RenderingTool) -> str:
    """Try one way; place what it made into the cache, and return "" or why it failed."""
    try:
        with cache.scratch() as made:
            program = way(tool, made)
            program.chmod(0o755)
            version = probe.version_of(str(program), tool.arguments)
            if not satisfies(version, tool.needed):
                raise OSError(f"what came as {tool.name} doesn't run here as {tool.version}")
            cache.place([program], folder())
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""


def _download(tool: RenderingTool, made: Path) -> Path:
    """Download one of them into a folder."""
    name = tool.archive_here()
    expected = download.read_checksums(CHECKSUMS).get(name)
    if expected is None:
        raise OSError(f"{name}: no checksum in {CHECKSUMS.name}, so it isn't downloaded")
    download.unpacked(f"{tool.base}/{name}", expected, made)
    return made / tool.name


def _build(tool: RenderingTool, made: Path) -> Path:
    """Build one of them into a folder; its module is beside the program."""
    flags = f"-X {tool.variable}=v{tool.version}"
    return golang.build(f"{tool.name}_cli", tool.package, flags, made / tool.name)
