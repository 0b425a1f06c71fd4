"""What `atlas build` takes: nothing changed, code changed, and what an image adds to its base."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import yard as yards
from tests.bench.table import Row, at_most, shown
from tests.yard import Yard

IMAGES = 5
SOURCE = (
    "from atlas import Template\n\n\nclass Nothing(Template):\n    def run(self) -> None: ...\n"
)


def run() -> list[Row]:
    """Measure whole processes; without an engine there is nothing to measure."""
    why = yards.why_not()
    if why:
        print(f"bench_images: skipped: {why}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        yard = Yard.open(Path(folder) / "yard")
        try:
            return _rows(yard, Path(folder))
        finally:
            yard.close()


def _rows(yard: Yard, folder: Path) -> list[Row]:
    pipeline = _write(folder, yard.base)
    first, _ = _build(yard, folder)
    unchanged = min(_build(yard, folder)[0] for _ in range(5))
    source = pipeline / "steps.py"
    source.write_text(f"{SOURCE}# an edit\n")
    edited, _ = _build(yard, folder, "--image", "image0")
    _, images = _build(yard, folder)
    base = json.loads(yard.podman("image", "inspect", yard.base))[0]["Size"]
    added = max(one["record"]["unpacked"] for one in images) - base
    return [
        shown(f"atlas build, {IMAGES} images for the first time", first, "s"),
        at_most(f"atlas build, {IMAGES} images, nothing changed", unchanged, 1.0, "s"),
        at_most("atlas build, one image, code changed", edited, 10.0, "s"),
        at_most("image of an empty step beyond its base", added / 10**6, 40.0, "MB"),
    ]


def _write(folder: Path, base: str) -> Path:
    """Write a pipeline whose steps have an image each, alike but for one line."""
    pipeline = folder / "empty"
    pipeline.mkdir()
    (folder / "pyproject.toml").write_text(f'[tool.atlas]\nbase-image = "{base}"\n')
    (pipeline / "steps.py").write_text(SOURCE)
    names = [f"image{number}" for number in range(IMAGES)]
    for name in names:
        (pipeline / f"{name}.txt").write_text(f"# {name}\n")
    steps = {
        f"step{number}": {"class": "steps:Nothing", "image": name}
        | ({"after": [f"step{number - 1}"]} if number else {})
        for number, name in enumerate(names)
    }
    images = {name: {"requirements": f"{name}.txt"} for name in names}
    recipe = {"version": 1, "name": "empty", "flow": "training", "steps": steps, "images": images}
    config = {"version": 1, "name": "empty", "recipes": {"training": "training.json"}}
    (pipeline / "training.json").write_text(json.dumps(recipe))
    (pipeline / "config.json").write_text(json.dumps(config))
    return pipeline


def _build(yard: Yard, folder: Path, *words: str) -> tuple[float, list[dict[str, object]]]:
    """Return how long `atlas build` took, and what it said of the images."""
    own = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**own, **yard.variables, "ATLAS_STATE": str(yard.state)}
    command = [Path(sys.executable).parent / "atlas", "build", "empty", "--json", *words]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, json.loads(done.stdout)["images"]
