"""Plain arguments are read without pydantic; all else, and every error, is typer's own."""

from __future__ import annotations

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from atlas_cli import quick
from tests.projects import environment


class Color(StrEnum):
    red = "red"


def command() -> tuple[typer.Typer, dict[str, Any]]:
    quick.quicken()
    app, seen = typer.Typer(), {}

    @app.command()
    def main(
        path: Annotated[Path, typer.Argument()] = Path(),
        *,
        number: Annotated[int, typer.Option(min=0, max=9)] = 1,
        ratio: float = 0.5,
        words: Annotated[list[str] | None, typer.Option("--word")] = None,
        flag: bool = False,
        color: Color = Color.red,
    ) -> None:
        seen.update(path=path, number=number, ratio=ratio, words=words, flag=flag, color=color)

    return app, seen


def test_values_have_their_types():
    app, seen = command()
    arguments = ["a/b", "--number", "3", "--ratio", "2", "--word", "x", "--word", "y", "--flag"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert seen == {
        "path": Path("a/b"), "number": 3, "ratio": 2.0, "words": ["x", "y"], "flag": True,
        "color": Color.red,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--number", "x"], ["--number", "10"], ["--ratio", "y"], ["--color", "blue"]]
)
def test_what_doesn_t_fit_is_refused(arguments):
    app, _ = command()
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_a_run_imports_nothing_heavy(tmp_path):
    source = (
        "import sys\nsys.argv = ['atlas', 'runs', sys.argv[1]]\n"
        "from atlas_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('pydantic', 'mlflow', 'kfp', 'airflow', 'pulumi', 'pandas', 'fsspec')\n"
        "sys.exit(','.join(one for one in heavy if one in sys.modules) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, str(tmp_path)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


STEPS = """
from typing import NamedTuple
from atlas import Template

class Out(NamedTuple):
    value: int

class First(Template):
    def run(self) -> Out:
        return Out(1)
"""
COUNTED = """
import dataclasses, json, sys
made, original = [], dataclasses._process_class
def counted(cls, *rest, **more):
    made.append(f"{cls.__module__}.{cls.__qualname__}")
    return original(cls, *rest, **more)
dataclasses._process_class = counted
from atlas_cli.__main__ import main
sys.argv = ["atlas", "run", "chain", "--no-cache"]
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code or 0, made, [*sys.modules]]), file=sys.stderr)
"""


def test_a_run_imports_little_and_compiles_few_classes(tmp_path):
    """Start-up is most of a small run: what it may import is counted, so that it stays so."""
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    chain = tmp_path / "chain"
    chain.mkdir()
    (chain / "steps.py").write_text(STEPS)
    recipe = {"version": 1, "name": "chain", "flow": "training"}
    recipe["steps"] = {"first": {"class": "steps:First"}}
    config = {"version": 1, "name": "chain", "recipes": {"training": "training.json"}}
    (chain / "training.json").write_text(json.dumps(recipe))
    (chain / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-c", COUNTED],
        cwd=tmp_path, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    code, classes, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    ours = [name for name in classes if name.startswith("atlas")]
    assert len(ours) <= 8, f"these use dataclasses.dataclass, not atlas.dataclass: {ours}"
    assert sorted(DEAR & {*modules}) == []
    assert len([name for name in modules if name.startswith("atlas")]) <= 300
    assert len(modules) <= 505


DEAR = {
    *("importlib.metadata", "importlib.resources", "email.message", "html", "ssl", "http.client"),
    *("concurrent.futures", "asyncio", "ctypes", "xml", "sqlite3", "yaml", "numpy", "pandas"),
    *("pyarrow", "sklearn", "fsspec", "pydantic", "rich", "mlflow", "kfp", "pulumi", "secrets"),
}
"""What takes longer to import than a step to run, and a run without a platform doesn't need."""
