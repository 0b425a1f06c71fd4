"""The same documents give the same bytes, whoever compiles them, where and with which Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas.registered import TARGETS
from tests.contract.feature_documents import row_documents
from tests.contract.flavours import FLAVOURS
from tests.contract.projects import resolved, write_project
from tests.contract.test_parity import REGISTRY

pytest.importorskip("kfp")

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("compile_child.py")
NAMES = ("", "requirements", "dockerfile", "reference")
IMAGES = json.dumps(
    {name: f"{REGISTRY}/atlas/{name or 'none'}@sha256:{'1' * 64}" for name in NAMES}
)
PYTHONS = ("3.11", "3.12", "3.13")
ONE_OTHER, YET_ANOTHER = "another hash seed, locale and time zone", "yet another"
ENVIRONMENTS = {
    ONE_OTHER: {
        "PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0",
    },
    YET_ANOTHER: {"PYTHONHASHSEED": "4711", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
}  # fmt: skip


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> dict[str, str]:
    """What the usual variables give."""
    folder = tmp_path_factory.mktemp("usual")
    write_project(folder, row_documents())
    found = compiled(sys.executable, "project", folder, {"PYTHONHASHSEED": "0"})
    assert len(found) > 250
    return found


def compiled(
    python: str,
    kind: str,
    place: Path,
    variables: dict[str, str],
    *targets: str,
    code: int = 0,
) -> dict[str, str]:
    """Return the digest of every file that a child process compiles to."""
    command = [python, "-P", CHILD, kind, place, IMAGES, *(targets or TARGETS)]
    own = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL")}
    done = subprocess.run(
        command,
        env={
            **own,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONWARNINGS": "ignore",
            **variables,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("which", [ONE_OTHER, pytest.param(YET_ANOTHER, marks=pytest.mark.long)])
def test_environments_and_paths(usual, which, tmp_path):
    folder = tmp_path / "an other plâce"
    write_project(folder, row_documents())
    assert compiled(sys.executable, "project", folder, ENVIRONMENTS[which]) == usual


def test_order_of_keys(usual, tmp_path):
    write_project(tmp_path, row_documents())
    for file in tmp_path.rglob("*.json"):
        file.write_text(json.dumps(turned(json.loads(file.read_text("utf-8")))), "utf-8")
    assert compiled(sys.executable, "project", tmp_path, {}) == usual


def turned(value: Any) -> Any:
    """Return the same JSON with every object's keys in the other order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", PYTHONS)
def test_pythons(usual, version, target, tmp_path):
    python = found_python(version)
    if target == "kubeflow" and not has_kfp(python):
        pytest.skip(f"Python {version} has no kfp: requirements.lock is for another Python")
    documents = row_documents()
    write_project(tmp_path, documents)
    plans = resolved(tmp_path, documents, "pods")
    file = tmp_path / "plans.json"
    file.write_text(json.dumps([plan.to_json() for plan in plans.values()]), "utf-8")
    found = compiled(python, "plans", file, {}, target)
    names = {f"{plan.name}-{plan.flow}" for plan in plans.values()}
    kinds = {name.partition(" ")[0] for name in found}
    assert kinds == {*FLAVOURS[target]()}
    assert found == {
        name: digest
        for name, digest in usual.items()
        if name.partition(" ")[0] in kinds and Path(name.partition(" ")[2]).stem in names
    }


def found_python(version: str) -> str:
    """Return a Python of a version that works, or skip in a line."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    known = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
    for python in filter(None, known):
        if not subprocess.run([python, "-c", ""], capture_output=True).returncode:
            return str(python)
    pytest.skip(f"no Python {version} here")


def has_kfp(python: str) -> bool:
    return not subprocess.run([python, "-c", "import kfp"], capture_output=True).returncode
