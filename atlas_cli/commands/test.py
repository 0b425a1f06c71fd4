"""`atlas test`: pipelines' own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Json, PipelinePath
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.plan import Pipeline

_NO_TESTS = 5
_USAGE = 4


def run_tests(
    path: PipelinePath = Path(),
    *,
    select: Annotated[str, typer.Option("-k", help="Only tests whose name has this.")] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail when no test touches a step.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run pipelines' own tests, and name the steps that none touches.

    A folder without tests is fine, unless `-k` asks for some.
    """
    from atlas.plan import resolve

    pipelines = resolve(path)
    folders = list(dict.fromkeys(pipeline.folder for pipeline in pipelines))
    code, touched = _run(folders, select, quiet=as_json)
    untouched = list(_untouched(pipelines, touched))
    data = {"passed": code == 0, "tests": code != _NO_TESTS, "untouched": untouched}
    emit(data, lambda: _text(code, select, untouched), as_json=as_json)
    fine = (0,) if select else (0, _NO_TESTS)
    if code not in fine or (strict and untouched):
        raise typer.Exit(1)


def _run(folders: Sequence[Path], select: str, *, quiet: bool) -> tuple[int, set[str]]:
    """Run pytest in a process of its own; return its exit code and the classes it touched."""
    from atlas.testing.touched import FILE

    with tempfile.TemporaryDirectory(prefix="atlas-") as place:
        file = Path(place, "touched.json")
        chosen = ["-k", select] if select else []
        command = [sys.executable, "-m", "pytest", *chosen, *map(str, folders)]
        env = {**os.environ, FILE: str(file)}
        out = 2 if quiet else None
        code = subprocess.run(command, env=env, stdout=out, check=False).returncode  # noqa: S603
        touched = set(json.loads(file.read_text("utf-8"))) if file.exists() else set()
    if code == _USAGE or code < 0:
        raise typer.Exit(1)
    return code, touched


def _untouched(pipelines: Sequence[Pipeline], touched: set[str]) -> Iterator[dict[str, Any]]:
    """Give each step, once a Config, whose class no test made an instance of."""
    seen: set[tuple[str, str, str]] = set()
    for pipeline in pipelines:
        for flow, plan in pipeline.plans.items():
            for step in plan.steps:
                key = (pipeline.config, flow, step.name)
                if key not in seen and f"{pipeline.config}/{step.cls}" not in touched:
                    place = {"config": pipeline.config, "flow": flow}
                    yield {**place, "step": step.name, "class": step.cls}
                seen.add(key)


def _text(code: int, select: str, untouched: Sequence[dict[str, Any]]) -> str:
    none = f"no test's name has '{select}'" if select else "no tests were found"
    lines = [none] if code == _NO_TESTS else []
    if untouched:
        lines.append("touched by no test:")
        lines += [
            f"  {row['config']} {row['flow']}: {row['step']} ({row['class']})" for row in untouched
        ]
    elif code == 0:
        lines.append("every step is touched by a test")
    return "\n".join(lines)
