"""Rendered manifests: from a mirror, from the cache, or rendered here; always checked by digest."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import RunError

from infra.manifests import programs
from infra.manifests.objects import Manifest, digest, read, without_hooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.manifests.sources import Rendering

SECONDS = 600
"""Seconds after which a rendering counts as failed; the first one clones repositories."""
_KEPT = ("PATH", "HOME", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")


def cache_folder() -> Path:
    """Return the folder of manifests that were rendered on this machine."""
    return programs.cached().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Where rendered manifests come from.

    Attributes:
        mirror: a folder of rendered manifests, which comes first; None for none.
        digests: by the path of a file in the mirror, the digest that its objects must have in
            place of the pin: for manifests that somebody has rendered in another way on purpose.
        cache: the folder in which what is rendered here is kept.
    """

    mirror: Path | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    cache: Path = field(default_factory=cache_folder)

    def objects(self, rendering: Rendering) -> list[Manifest]:
        """Return the objects of a rendering, without Helm's hooks.

        Raises:
            RunError: they can't be had, or aren't those that are pinned.
        """
        mirrored = self.mirror / rendering.file if self.mirror else None
        if mirrored is not None and mirrored.is_file():
            expected = self.digests.get(rendering.file, rendering.sha256)
            found = without_hooks(read(mirrored.read_text("utf-8"), str(mirrored)))
            return checked(found, expected, mirrored)
        kept = self._kept(rendering)
        return self._rendered(rendering) if kept is None else kept

    def _kept(self, rendering: Rendering) -> list[Manifest] | None:
        """Return what was rendered here before; None where there is nothing, or it is broken."""
        try:
            found: list[Manifest] = json.loads(self._file(rendering).read_text("utf-8"))
            return found if digest(found) == rendering.sha256 else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _rendered(self, rendering: Rendering) -> list[Manifest]:
        """Render, check and keep the objects."""
        found = checked(render(rendering), rendering.sha256, rendering)
        _write(self._file(rendering), json.dumps(found))
        return found

    def _file(self, rendering: Rendering) -> Path:
        """Return the file of the cache that has a rendering: one for each content."""
        return self.cache / "rendered" / f"{rendering.sha256}.json"


def checked(found: list[Manifest], expected: str, where: object) -> list[Manifest]:
    """Return objects, which are those that are pinned.

    Raises:
        RunError: they aren't.
    """
    actual = digest(found)
    if actual != expected:
        raise RunError(
            f"{where}: found objects of sha256 {actual}, expected {expected}: what is rendered "
            "isn't what was tried with this version of Atlas. A source that has changed can't be "
            "trusted; a mirror of your own making has its digest in atlas:digests"
        )
    return found


def render(rendering: Rendering) -> list[Manifest]:
    """Return the objects that a rendering gives here and now, without Helm's hooks.

    Raises:
        RunError: there is no program to render with, or it failed.
    """
    program = programs.find(rendering.tool)
    with tempfile.TemporaryDirectory(prefix="atlas-manifests-") as folder:
        text = ""
        for words in commands(rendering):
            text = _run([program, *words], Path(folder), rendering)
        return without_hooks(read(text, str(rendering)))


def commands(rendering: Rendering) -> list[list[str]]:
    """Return the arguments of each run of the program, of which the last prints the objects."""
    if rendering.tool != "git":
        return [command(rendering)]
    file = rendering.chart.format(number=rendering.version.removeprefix("v"))
    quiet = ["-c", "advice.detachedHead=false"]
    clone = ["clone", "--quiet", "--depth=1", "--no-checkout", f"--branch={rendering.version}"]
    return [
        [*quiet, *clone, "--", rendering.source, "source"],
        ["-C", "source", "show", f"HEAD:{file}"],
    ]


def command(rendering: Rendering) -> list[str]:
    """Return the arguments of the program that renders."""
    is_remote = "://" in rendering.source
    if rendering.tool == "kustomize":
        remote = f"{rendering.source}//{rendering.chart}?ref={rendering.version}&timeout=300s"
        return ["build", remote if is_remote else str(Path(rendering.source, rendering.chart))]
    chart = (
        [rendering.chart, "--repo", rendering.source, "--version", rendering.version]
        if is_remote
        else [str(Path(rendering.source, rendering.chart))]
    )
    return [
        *("template", rendering.release, *chart, "--namespace", rendering.namespace),
        *("--kube-version", rendering.kubernetes, "--include-crds"),
        *(("--values", str(rendering.values)) if rendering.values else ()),
    ]


def _run(words: list[str], folder: Path, rendering: Rendering) -> str:
    """Run a program that renders, which writes into a folder of its own; return what it printed."""
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell; the words are the pins'
            words,
            cwd=folder,
            env=_environment(folder) | (programs.GIT if rendering.tool == "git" else {}),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"{rendering}: {rendering.tool} failed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RunError(
            f"{rendering}: {rendering.tool} failed: {last}; without a way to {rendering.source}, "
            f"name a folder in atlas:manifests that has {rendering.file}"
        )
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables of a program that renders: no settings of Helm, and no cluster."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    git = {name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG")}
    helm = {f"HELM_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    return {**kept, **git, **helm, "KUBECONFIG": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


def _write(path: Path, text: str) -> None:
    """Write a file of the cache, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
