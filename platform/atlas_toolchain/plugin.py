"""Pulumi's plugin for Kubernetes: on PATH, in Pulumi's own folder, downloaded by it, or built.

Pulumi downloads it at the first preview where it can; elsewhere the last one that is to be had
from Go modules takes its place on PATH.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import cache, engine, golang, probe, shell
from atlas_toolchain.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "pulumi-resource-kubernetes"
TOOL = "pulumi kubernetes plugin"
#: The one that belongs to the locked SDK.
VERSION = "4.34.2"
#: The last one that is to be had from Go modules; it takes what the SDK says.
BUILT = "4.25.0"
WITHOUT = "all but platforms on clusters"
_GET = "atlas doctor --install --cluster, with a network or with Go >= 1.25"
#: The folder in `go` of the module that it is built in, beside what shares its packages.
MODULE = "kubernetes_plugin"
_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_EMBEDDED = ("schema.json", "terraform-mapping.json")
_COMPONENTS = ("providerhelmv4", "providerkustomizev2", "provideryamlv2")
"""What makes components of whole charts, folders and files. Atlas hands over objects one by one;
these would have Go compile the SDK for every kind of object: a third of all the work."""


def folder() -> Path:
    """Return the folder of the cache that it is in."""
    return cache.root() / f"kubernetes-plugin-{BUILT}" / "bin"


def cached() -> list[Path]:
    """Return it, where it is in the cache."""
    return sorted(folder().glob(NAME))


def _installed() -> Path | None:
    """Return it where Pulumi itself keeps it, in the version that the SDK asks for."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    path = home / "plugins" / f"resource-kubernetes-v{VERSION}" / NAME
    return path if path.is_file() else None


def finding() -> Finding:
    """Return its finding."""
    on_path = shutil.which(NAME) or shutil.which(NAME, path=str(folder())) or ""
    installed = "" if on_path else str(_installed() or "")
    version = probe.version_of(on_path, ["--version"]) if on_path else ""
    return Finding(
        tool=TOOL,
        found=version or ("unknown" if on_path else VERSION if installed else ""),
        origin=on_path or installed,
        without=WITHOUT,
        get=_GET,
        why=cache.refusals().get(TOOL, "not on PATH, and Pulumi hasn't downloaded it"),
        ok=bool(on_path or installed),
    )


def get(say: Callable[[str], None]) -> dict[str, str]:
    """Get it where it is missing.

    Args:
        say: prints what takes long, before it does.

    Returns:
        Why it couldn't be got; an empty reason when it is there now, nothing when it was before.
    """
    if finding().ok:
        return {}
    with cache.locked(cache.root(), lambda: say("waiting for another set-up's tools")):
        return obtain(say)


def obtain(say: Callable[[str], None]) -> dict[str, str]:
    """Get it where it is missing, as `get` does; the caller holds the cache."""
    if finding().ok:
        return {}
    why = _get(say)
    cache.remember(TOOL, why)
    return {TOOL: why}


def _get(say: Callable[[str], None]) -> str:
    """Get it by the first way that works; return why none did, or ""."""
    say(f"{TOOL} {VERSION}: downloading")
    refused = _download()
    if not refused:
        return ""
    if not golang.there():
        return f"download: {refused}; build: no go on PATH"
    say(f"{TOOL} {BUILT}: {refused}; building from Go modules, for objects alone, 2 minutes")
    built = _place()
    return built and f"download: {refused}; build: {built}"


def _download() -> str:
    """Have Pulumi download it, which checks what comes; return why that failed, or ""."""
    pulumi = engine.find()
    if pulumi is None:
        return "no pulumi engine"
    command = [str(pulumi.path), "plugin", "install", "resource", "kubernetes", VERSION]
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        shell.run(command, environment=quiet, timeout=600)
    except shell.REFUSALS as error:
        return shell.explain(error)
    return "" if _installed() else "it isn't where Pulumi keeps its plugins"


def _place() -> str:
    """Build it into the cache; return why that failed, or ""."""
    try:
        with cache.scratch() as made:
            cache.place([build(made)], folder())
    except shell.REFUSALS as error:
        return shell.explain(error)
    return ""


def build(made: Path) -> Path:
    """Build it into a folder, for objects alone: without what makes components of charts and files.

    Its schema, which knows its version, is part of it.

    Raises:
        OSError: Go couldn't be started, or what came doesn't run.
        subprocess.SubprocessError: the build failed.
    """
    module = golang.copied(MODULE, made)
    sources = golang.own_copy(_MODULE, module, made / "provider")
    _leave_out_components(sources / "pkg" / "provider" / "provider_construct.go")
    embedded = sources / "cmd" / NAME
    schema, mapping = ((embedded / name).read_text(encoding="utf-8") for name in _EMBEDDED)
    whole = json.loads(schema) | {"version": BUILT}
    (module / _EMBEDDED[0]).write_text(json.dumps(whole), encoding="utf-8")
    (module / _EMBEDDED[1]).write_text(mapping, encoding="utf-8")
    program = golang.build(MODULE, ".", f"-X main.version={BUILT}", made / NAME)
    if probe.version_of(str(program), ["--version"]) != BUILT:
        raise OSError(f"what was built as {NAME} doesn't run here as {BUILT}")
    return program


def _leave_out_components(constructors: Path) -> None:
    """Take what makes components out of the file that names it.

    Raises:
        OSError: the file can't be read or written, or doesn't name one of them.
    """
    lines = constructors.read_text(encoding="utf-8").splitlines(keepends=True)
    named = [line for line in lines if any(word in line for word in _COMPONENTS)]
    if unnamed := [word for word in _COMPONENTS if not any(word in line for line in named)]:
        raise OSError(f"{constructors} doesn't name {', '.join(unnamed)}")
    left = (line for line in lines if line not in named)
    constructors.write_text("".join(left), encoding="utf-8")
