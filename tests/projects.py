"""Small real projects for tests: a folder with pipelines, run in this process or by the CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from atlas.plan import Pipeline, Plan, resolve
from atlas.runner import Event, RunResult, RunSettings, run_pipelines
from atlas.step import code
from atlas.store import Store, open_store

HEAD = "from typing import Any, NamedTuple\nfrom atlas import Template\n"
ATLAS = (sys.executable, "-m", "atlas_cli")


class Project:
    """A project in a folder of its own, with its store and its state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / ".atlas"
        self.url = (self.state / "store").as_uri()
        root.mkdir(parents=True, exist_ok=True)
        (root / "pyproject.toml").write_text("[tool.atlas]\n")

    @property
    def store(self) -> Store:
        return open_store(self.url)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def pipeline(
        self,
        name: str,
        source: str,
        training: Mapping[str, Any] | None = None,
        inference: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        **recipe: Any,
    ) -> Path:
        """Write a pipeline: its steps' source, and the steps of each flow as a Recipe has them."""
        self.write(f"{name}/steps.py", HEAD + dedent(source))
        recipes = {}
        for flow, steps in (("training", training), ("inference", inference)):
            if steps is not None:
                document = {"version": 1, "name": f"{name}-{flow}", "flow": flow, "steps": steps}
                self.write(f"{name}/{flow}.json", json.dumps({**document, **recipe}))
                recipes[flow] = f"{flow}.json"
        whole = {"version": 1, "name": name, "recipes": recipes, **(config or {})}
        self.write(f"{name}/config.json", json.dumps(whole))
        return self.root / name

    def environment(self, name: str = "local", **fields: Any) -> None:
        self.write(f"environments/{name}.json", json.dumps({"version": 1, **fields}))

    def resolve(self, path: str = ".") -> list[Pipeline]:
        return resolve(self.root / path)

    def plan(self, path: str = ".", flow: str = "training") -> Plan:
        return self.resolve(path)[0].plans[flow]

    def run(self, path: str = ".", settings: RunSettings | None = None, **options: Any) -> Ran:
        events: list[Event] = []
        result = run_pipelines(self.resolve(path), settings, listener=events.append, **options)
        return Ran(self, result, events)

    def atlas(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the CLI as a process."""
        return subprocess.run(
            [*ATLAS, *map(str, arguments)],
            cwd=self.root,
            env=options.pop("env", None) or environment(),
            text=True,
            capture_output=True,
            timeout=options.pop("timeout", 120),
            **options,
        )


class Ran:
    """What a run in this process has done."""

    def __init__(self, project: Project, result: RunResult, events: list[Event]) -> None:
        self.project, self.result, self.events = project, result, events

    @property
    def ok(self) -> bool:
        return self.result.ok

    @property
    def first(self) -> Any:
        return self.result.runs[0]

    @property
    def id(self) -> str:
        return self.first.run.id

    def outcome(self, step: str, item: int | None = None) -> Any:
        return self.first.outcomes[step, item]

    def value(self, step: str, output: str, index: int | None = None) -> Any:
        run = self.first.run
        return self.project.store.get(run.pipeline, run.id, step, output, index=index)

    def cached(self) -> set[str]:
        return {unit.step for unit, one in self.first.outcomes.items() if one.cached}

    def errors(self) -> dict[str, str]:
        return {u.step: one.error for u, one in self.first.outcomes.items() if not one.ok}


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a child process, without what other tests have set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    return {**own, "PYTHONUNBUFFERED": "1", **more}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project; what a run sets in this process's variables is taken back."""
    before = dict(os.environ)
    for name in [one for one in os.environ if one.startswith("ATLAS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield Project(tmp_path / "project")
    for name in list(code._folders):
        code.unmount(name)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder."""
    return open_store((tmp_path / "store").as_uri())
