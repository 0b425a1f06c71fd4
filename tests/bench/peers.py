"""Other tools for the same work, each in an environment of its own, to be measured beside Atlas."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("PEERS_ROOT") or Path.home() / ".cache" / "peers")
"""Where the peers' environments are; what is missing is installed there, once."""
PACKAGES = {"kedro": "kedro", "metaflow": "metaflow"}
LIBRARIES = {
    # 0.7.23 doesn't import with pandas 3.1.
    "evidently": ("evidently>=0.7,<0.8", "pandas<3"),
    "river": ("river", "scipy", "mapie"),
    "nannyml": ("nannyml", "statsmodels", "pandas<3"),
}
"""What drift is compared with: the module that is imported, and what is installed for it."""

_KEDRO = """
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
def make(i):
    def step(d): return {"i": d["i"] + 1}
    step.__name__ = f"s{i}"
    return step
nodes = [node(make(i), f"d{i}", f"d{i + 1}", name=f"s{i}") for i in range(STEPS)]
out = SequentialRunner().run(pipeline(nodes), DataCatalog({"d0": MemoryDataset({"i": 0})}))
value = out[f"d{STEPS}"]
assert (value.load() if hasattr(value, "load") else value)["i"] == STEPS
"""


class MissingPeerError(RuntimeError):
    """A peer that the bench must have can't be installed."""


def python(peer: str) -> Path:
    """Return a peer's interpreter; install the peer where it is missing.

    Raises:
        MissingPeerError: it can't be installed.
    """
    place = ROOT / peer / "bin" / "python"
    if not _has(place, peer):
        _install(place, peer)
    return place


def command(peer: str, steps: int, folder: Path) -> list[str]:
    """Return what runs a chain of so many no-op steps with a peer."""
    file = folder / f"{peer}_{steps}.py"
    file.write_text(_KEDRO.replace("STEPS", str(steps)) if peer == "kedro" else _metaflow(steps))
    return [str(python(peer)), str(file), *(("run",) if peer == "metaflow" else ())]


def environment(peer: str, folder: Path) -> dict[str, str]:
    """Return the variables that a peer runs with: no telemetry, its files in a folder."""
    quiet = {
        "DO_NOT_TRACK": "1",
        "KEDRO_DISABLE_TELEMETRY": "1",
        "METAFLOW_DEFAULT_METADATA": "local",
    }
    own = {"HOME": str(folder), "USER": "bench", "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, **quiet, **own, "VIRTUAL_ENV": str(ROOT / peer)}


def _has(place: Path, peer: str) -> bool:
    if not place.exists():
        return False
    found = subprocess.run([place, "-c", f"import {peer}"], capture_output=True, check=False)
    return found.returncode == 0


def _install(place: Path, peer: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    folder = place.parents[1]
    packages = LIBRARIES.get(peer) or (PACKAGES[peer],)
    for arguments in (
        ("venv", "-q", "--clear", "--python", sys.executable, folder),
        ("pip", "install", "-q", "--compile-bytecode", "--python", place, *packages),
    ):
        done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            hint = f"set PEERS_ROOT to a folder with {peer}/bin/python that has it"
            raise MissingPeerError(f"{peer} can't be installed: {done.stderr.strip()} ({hint})")


def _metaflow(steps: int) -> str:
    """Return a flow of so many steps; its start and its end are steps, too."""
    names = ["start", *(f"s{i}" for i in range(steps - 2)), "end"]
    lines = ["from metaflow import FlowSpec, step", "class Chain(FlowSpec):"]
    for number, name in enumerate(names):
        lines += ["    @step", f"    def {name}(self):"]
        lines.append(f"        self.d = {{'i': {'self.d[chr(105)] + 1' if number else 0}}}")
        if name != "end":
            lines.append(f"        self.next(self.{names[number + 1]})")
    return "\n".join([*lines, "if __name__ == '__main__':", "    Chain()", ""])
