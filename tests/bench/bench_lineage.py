"""Lineage: of a model among 10,000 versions, as a process; with and without the index."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from atlas.models import log
from atlas.models.log import ChampionLog, LogEntry
from atlas.plan import Plan
from atlas.plan.parts import Model, PlanStep
from atlas.store import ModelPart, Run, open_store
from atlas.tracking.registry import CHAMPION, LocalRegistry, ModelRegistration
from atlas.values import canonical
from tests.bench.table import Row, at_most, shown

VERSIONS = 10_000


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text("[tool.atlas]\n")
        fill(root / ".atlas" / "store")
        first = asked(root, "m/5000")
        index = root / ".atlas/store/.atlas-index"
        size = sum(path.stat().st_size for path in index.rglob("*.json")) / 1e6
        warm = min(asked(root, "m/5000") for _ in "123")
        champion = min(asked(root, "m@champion") for _ in "123")
        data = min(asked(root, hashlib.sha256(b"data").hexdigest(), "--depth", "1") for _ in "12")
        shutil.rmtree(index)
        return [
            shown("lineage of 1 of 10,000 versions, no index", first, "s"),
            at_most("lineage of 1 of 10,000 versions", warm, 1.0, "s"),
            at_most("lineage of the champion of 10,000 versions", champion, 1.0, "s"),
            shown("data that 10,000 runs have read, one link", data, "s"),
            shown("its index", size, "MB"),
        ]


def fill(folder: Path) -> None:
    """Write runs with their models and decisions, as they are after they have been made."""
    store = open_store(str(folder))
    steps = (PlanStep("load", "steps:S"), PlanStep("train", "steps:S"))
    model = Model("m", parts={"model": "train.model"})
    plan = Plan("p", "p", "p", "training", "p", "local", "local", steps, model=model)
    store.add_plan(plan)
    manifest = store.put("p", "training-00000", "train", "model", {"a": 1.0})
    registry, champions = LocalRegistry(store), ChampionLog(store.location, "champions/store/m")
    before = time.time_ns() - 60_000_000_000
    for number in range(1, VERSIONS + 1):
        write_run(folder, plan, manifest.text, number)
        part = ModelPart(f"{store.url}/p/{name(number)}/train/model", manifest.sha256)
        tags = {"atlas.pipeline": "p", "atlas.digest.plan": plan.digest}
        registration = ModelRegistration("m", name(number), {"model": part}, tags, {"train.e": 1.0})
        registry.add(registration, str(number))
        champions.append(LogEntry(log.KEPT, "", str(number), reason="e is 1"))
        os.utime(folder / "p" / name(number), ns=(before, before))
    registry.set_alias("m", CHAMPION, str(VERSIONS))


def name(number: int) -> str:
    return f"training-{number:05}"


def write_run(folder: Path, plan: Plan, manifest: bytes, number: int) -> None:
    store = open_store(str(folder))
    created = f"2026-01-{1 + number % 28:02}T00:00:{number % 60:02}+00:00"
    store.bind(Run(name(number), "p", "training", plan.digest, created=created, target="local"))
    sha256 = hashlib.sha256(b"data").hexdigest()
    use = {"name": "d", "action": "read", "uri": "s3://d/d.csv", "sha256": sha256, "size": 4}
    provenance = {"python": "3.11.2", "packages": {"numpy": "2.0"}, "data": [use]}
    outcome = {"status": "done", "plan": plan.digest, "provenance": provenance}
    store.write_outcome("p", name(number), "load", outcome, None)
    digest = json.loads(manifest)["sha256"]
    outputs = {"status": "done", "plan": plan.digest, "outputs": {"model": digest}}
    store.write_outcome("p", name(number), "train", outputs, None)
    store.location.write(f"p/{name(number)}/train/model/manifest.json", manifest)
    ended = {"status": "done", "plan": plan.digest, "ended": created, "model": "m"}
    end = canonical({**ended, "version": str(number)}).encode()
    store.location.write(f"p/{name(number)}/outcome.json", end)


def asked(root: Path, thing: str, *options: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "atlas_cli", "lineage", thing, *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode or "came of" not in done.stdout or "altered" in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return took
