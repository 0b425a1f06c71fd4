"""`atlas graph` as typed: formats, files, comparisons, and what it says when it can't."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TUMOUR = Path(__file__).parents[3] / "recipes" / "tumour"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "atlas_cli", "graph", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A pipeline that `atlas init` wrote, committed."""
    command = [sys.executable, "-m", "atlas_cli", "init", "--training-only", "--name", "houses"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def give_a_step_a_timeout(project: Path) -> str:
    file = project / "houses" / "training.json"
    recipe = json.loads(file.read_text())
    name = next(iter(recipe["steps"]))
    recipe["steps"][name]["timeout"] = "7m"
    file.write_text(json.dumps(recipe))
    return name


def test_text_is_the_default(tmp_path: Path) -> None:
    done = run(tmp_path, str(TUMOUR), "--flow", "training")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tumour · training\n")
    assert "features.scale" in done.stdout


def test_text_is_ascii_where_nothing_else_can_be_written(tmp_path: Path) -> None:
    done = run(tmp_path, str(TUMOUR), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "*     training/load" in done.stdout


def test_text_in_a_terminal_is_as_wide_as_it_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "atlas_cli", "graph", str(TUMOUR)]
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    subprocess.run(command, stdout=theirs, env=environment, cwd=tmp_path, check=True)
    os.close(theirs)
    lines = os.read(ours, 100_000).decode().splitlines()
    os.close(ours)
    assert max(map(len, lines)) == 60


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", "<svg "), ("a.html", "<!DOCTYPE html>"), ("a.mmd", "---\n"), ("a.dot", "digraph"),
        ("sub/a.txt", "tumour"),
    ],
)  # fmt: skip
def test_the_ending_of_out_tells_the_format(tmp_path: Path, name: str, start: str) -> None:
    done = run(tmp_path, str(TUMOUR), "--out", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == [Path(name).name]


def test_the_same_bytes_to_stdout(tmp_path: Path) -> None:
    run(tmp_path, str(TUMOUR), "--out", "a.svg")
    assert run(tmp_path, str(TUMOUR), "--format", "svg").stdout == (tmp_path / "a.svg").read_text()


@pytest.mark.skipif(not shutil.which("neato"), reason="Graphviz isn't installed")
def test_png(tmp_path: Path) -> None:
    assert run(tmp_path, str(TUMOUR), "--out", "a.png").returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_png_without_graphviz_says_what_to_install(tmp_path: Path) -> None:
    done = run(tmp_path, str(TUMOUR), "--out", "a.png", PATH="")
    assert done.returncode == 1
    assert "apt-get install graphviz" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_json(tmp_path: Path) -> None:
    drawing = json.loads(run(tmp_path, str(TUMOUR), "--json").stdout)
    assert drawing["title"] == "tumour · training and inference"
    assert {"id", "label", "detail", "facts", "kind", "group"} >= set(drawing["nodes"][0])


def test_a_recipe_that_is_only_a_step_of_others_is_drawn_as_written(tmp_path: Path) -> None:
    done = run(tmp_path, str(TUMOUR / "features.json"))
    assert done.returncode == 0
    assert done.stdout.startswith("tumour-features · recipe\n")


def test_what_changed_since_a_revision(project: Path) -> None:
    name = give_a_step_a_timeout(project)
    done = run(project, "houses", "--diff", "HEAD", "--flow", "training")
    assert (done.returncode, done.stderr) == (0, "")
    changed = [line for line in done.stdout.splitlines() if line.startswith("~ ") and name in line]
    assert len(changed) == 1
    assert "-> 420 s" in done.stdout


def test_what_changed_since_another_path(project: Path) -> None:
    shutil.copytree(project / "houses", project / "before")
    give_a_step_a_timeout(project)
    done = run(project, "houses", "--diff", "before", "--flow", "training")
    assert done.returncode == 0
    assert "-> 420 s" in done.stdout


def test_no_difference(project: Path) -> None:
    assert "\nno difference\n" in run(project, "houses", "--diff", "HEAD").stdout


@pytest.mark.parametrize("other", ["nowhere", "--output=x", "HEAD~99"])
def test_a_version_that_is_not_there(project: Path, other: str) -> None:
    done = run(project, "houses", f"--diff={other}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: --diff {other}: there is nothing at that path")


def test_a_revision_that_did_not_have_the_path(project: Path) -> None:
    shutil.copytree(project / "houses", project / "newer")
    done = run(project, "newer", "--diff", "HEAD")
    assert (done.returncode, done.stderr) == (1, "error: --diff HEAD: that revision has no newer\n")


def test_a_flow_that_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path, str(TUMOUR), "--flow", "sideways")
    assert done.returncode == 1
    assert "nothing has the flow 'sideways'; there is inference, training" in done.stderr


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, str(TUMOUR), "--out", "file/a.svg")
    assert done.returncode == 1
    assert "file/a.svg: can't be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--out", "a.pdf"], ["--format", "pdf"]])
def test_a_format_there_is_not_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path, str(TUMOUR), *arguments).returncode == 2


def test_what_is_broken_is_told_as_validate_tells_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    done = run(tmp_path, ".")
    assert done.returncode == 1
    assert "config.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_drawing_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['atlas', 'graph', sys.argv[1], '--format', 'html']\n"
        "from atlas_cli.__main__ import app\n"
        "try: app()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, str(TUMOUR)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heavy = {"kfp", "mlflow", "airflow", "pulumi", "pandas", "numpy", "jsonschema", "pydantic"}
    assert not heavy & set(done.stderr.split())
