"""What deployments take on the real local platform: one pipeline, a family of 500, a folder of 1,000.

Airflow's parsing is Airflow's: of a deploy the processor time of Atlas, the engine and the provider
is measured beside the wall time. On a busy machine the processor time is what to judge by.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from atlas_toolchain import engine
from tests.bench.table import Row, at_most, shown
from tests.bench.timing import BIN, ROOT

RECIPES = ROOT / "recipes"
MEMBERS, PIPELINES, FLEET = 500, 1000, 100
FILES = ("steps.py", "features.json", "inference.json", "training.json", "requirements.txt")


@dataclass(frozen=True)
class Took:
    """What a command took: wall and processor seconds with its children, and the most memory."""

    wall: float
    processor: float
    megabytes: float
    said: str


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        place = Bench(Path(folder))
        try:
            place.atlas("up")
            return [*single(place), *fleet(place), *family(place), *many(place)]
        finally:
            place.atlas("down")


def single(place: Bench) -> list[Row]:
    """Deploy one pipeline, and preview it again."""
    project = place.project("single")
    place.pipeline(project / "one", "one")
    place.atlas("deploy", "one", folder=project)
    same = min((place.atlas("preview", "one", folder=project) for _ in range(3)), key=by_wall)
    assert "0 of 3 members change" in same.said, same.said
    return [
        at_most("preview of one pipeline, unchanged", same.wall, 3, "s"),
        shown("- its processor time", same.processor, "s"),
    ]


def fleet(place: Bench) -> list[Row]:
    """Deploy a hundred folders of ten steps to Airflow, change all, look at them, destroy them."""
    project = place.project("fleet")
    environment = project / "environments" / "local.json"
    raw = json.loads(environment.read_text())
    environment.write_text(json.dumps({**raw, "targets": {"training": "airflow"}}))
    for number in range(FLEET):
        chain(project / f"c{number:03d}", f"c{number:03d}")
    new = place.atlas("deploy", folder=project)
    assert f"{FLEET} of {FLEET} deployments change" in new.said, new.said[-500:]
    for steps in project.glob("c*/steps.py"):
        steps.write_text(steps.read_text().replace("number + self.by", "self.by + number"))
    changed = place.atlas("deploy", folder=project)
    assert f"{FLEET} of {FLEET} deployments change" in changed.said, changed.said[-500:]
    status = min((place.atlas("status", folder=project) for _ in range(2)), key=by_wall)
    gone = place.atlas("destroy", folder=project)
    engine = place.engine()
    name = f"{FLEET} folders"
    return [
        shown("start of the engine: the floor of each stack", engine.processor, "s"),
        at_most(f"{name}: deploy, new", new.wall, 70, "s"),
        shown("- its processor time", new.processor, "s"),
        at_most(f"{name}: deploy, all changed", changed.wall, 70, "s"),
        shown("- its processor time", changed.processor, "s"),
        at_most("- most memory of a process", max(new.megabytes, changed.megabytes), 600, "MB"),
        at_most(f"{name}: status", status.wall, 2, "s"),
        at_most(f"{name}: destroy", gone.wall, 50, "s"),
        shown("- its processor time", gone.processor, "s"),
    ]


def chain(folder: Path, name: str) -> None:
    """Write a pipeline of ten steps with code of its own."""
    folder.mkdir()
    (folder / "steps.py").write_text(CHAIN.format(name=name))
    steps = {"s0": {"class": "steps:First"}}
    for number in range(1, 10):
        inputs = {"number": f"s{number - 1}.number"}
        steps[f"s{number}"] = {"class": "steps:Next", "inputs": inputs, "params": {"by": number}}
    recipe = {"version": 1, "name": name, "flow": "training", "steps": steps}
    (folder / "training.json").write_text(json.dumps(recipe))
    config = {"version": 1, "name": name, "recipes": {"training": "training.json"}}
    (folder / "config.json").write_text(json.dumps(config))


def family(place: Bench) -> list[Row]:
    """Deploy a family, deploy it again, and change a field that only its training reads."""
    project = place.project("family")
    regions = [f"r{number:03d}" for number in range(MEMBERS)]
    config = place.pipeline(project / "many", "many", matrix={"region": regions})
    first = place.atlas("deploy", "many", folder=project)
    same = place.atlas("deploy", "many", folder=project)
    assert "nothing to do" in same.said, same.said
    raw = json.loads(config.read_text())
    raw["steps"]["train"]["params"]["trees"] = 123
    config.write_text(json.dumps(raw))
    changed = place.atlas("deploy", "many", "--json", folder=project)
    (done,) = json.loads(changed.said)
    touched = {c["kind"] for c in done["changes"] if c["action"] != "same"}
    assert touched == {"training-kubeflow"}, "what doesn't read the field isn't touched"
    name = f"family of {MEMBERS}"
    return [
        at_most(f"{name}: deploy", first.wall, 90, "s"),
        at_most("- its processor time", first.processor, 20, "s"),
        at_most(f"{name}: deploy, unchanged", same.wall, 8, "s"),
        shown("- its processor time", same.processor, "s"),
        at_most(f"{name}: deploy of one changed field", changed.wall, 10, "s"),
        shown("- its processor time", changed.processor, "s"),
        at_most("- most memory of a process", max(first.megabytes, same.megabytes), 600, "MB"),
    ]


def many(place: Bench) -> list[Row]:
    """Preview a folder of pipelines that are deployed and unchanged; a hundred folders of ten.

    They are laid down as updates leave them: a thousand starts of the engine would take an hour.
    """
    project = place.project("folder")
    for number in range(PIPELINES // 10):
        folder = project / f"p{number:03d}"
        raw = json.loads(place.pipeline(folder, f"p{number:03d}").read_text())
        (folder / "config.json").unlink()
        (folder / "configs").mkdir()
        for one in range(10):
            model = {**raw["model"], "name": f"p{number:03d}-{one}"}
            named = {**raw, "name": f"p{number:03d}-{one}", "model": model}
            (folder / "configs" / f"c{one}.json").write_text(json.dumps(named))
    # Training alone: a thousand DAGs take Airflow minutes to read, and add nothing to this.
    environment = project / "environments" / "local.json"
    targets = {"training": "kubeflow", "inference": "local"}
    environment.write_text(json.dumps({**json.loads(environment.read_text()), "targets": targets}))
    place.python(LAY_DOWN, folder=project)
    same = min((place.atlas("preview", folder=project) for _ in range(2)), key=by_wall)
    assert f"0 of {PIPELINES} deployments change" in same.said, same.said
    name = f"folder of {PIPELINES}"
    return [
        at_most(f"{name}: preview, unchanged", same.wall, 10, "s"),
        shown("- its processor time", same.processor, "s"),
        at_most("- most memory", same.megabytes, 600, "MB"),
    ]


def by_wall(took: Took) -> float:
    return took.wall


class Bench:
    """A state folder with a platform of its own, and projects beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def project(self, name: str) -> Path:
        """Make a project."""
        folder = self.root / name
        (folder / "environments").mkdir(parents=True)
        (folder / "pyproject.toml").write_text("[tool.atlas]\n")
        shutil.copy(RECIPES / "environments" / "local.json", folder / "environments")
        return folder

    def pipeline(self, folder: Path, name: str, **fields: object) -> Path:
        """Write the example pipeline under another name; return its Config's file."""
        folder.mkdir()
        for file in FILES:
            shutil.copy(RECIPES / "tumour" / file, folder)
        raw = json.loads((RECIPES / "tumour" / "config.json").read_text())
        model = {**raw["model"], "name": name}
        config = folder / "config.json"
        config.write_text(
            json.dumps({**raw, "name": name, "model": model, "schedule": {}, **fields})
        )
        return config

    def atlas(self, *words: str, folder: Path | None = None) -> Took:
        """Run `atlas` in a process whose children are counted alone; it has to succeed."""
        return self._measured(str(BIN / "atlas"), *words, folder=folder)

    def engine(self) -> Took:
        """Start the engine for nothing."""
        found = engine.find()
        assert found is not None
        return min(
            (self._measured(str(found.path), "version", folder=None) for _ in range(3)), key=by_wall
        )

    def python(self, text: str, *, folder: Path) -> Took:
        """Run Python in a process that finds the tests' modules."""
        return self._measured(sys.executable, "-c", text, folder=folder)

    def _measured(self, *words: str, folder: Path | None) -> Took:
        command = [sys.executable, "-c", MEASURE, *words]
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(
            command, cwd=folder or self.root, capture_output=True, text=True, check=False,
            env={**variables, "ATLAS_STATE": str(self.root / "state"), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stderr[-3000:]}"
        wall, processor, kilobytes = json.loads(done.stderr.splitlines()[-1])
        return Took(wall, processor, kilobytes / 1024, done.stdout)


CHAIN = """
from typing import NamedTuple
from atlas import Template
class Number(NamedTuple):
    number: int
class First(Template):
    start: str = "{name}"
    def run(self) -> Number:
        return Number(len(self.start))
class Next(Template):
    by: int
    def run(self, number: int) -> Number:
        return Number(number + self.by)
"""
LAY_DOWN = """
from pathlib import Path
from atlas_deploy import deployments
from tests.laid import lay_down
lay_down(deployments(Path(), "local"))
"""
MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss]), file=sys.stderr)
sys.exit(code)
"""
