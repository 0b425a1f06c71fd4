"""No folder of ours hides a module that others import, in any process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.house.test_rooms import ROOT


def python(*arguments: str, folder: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pythons_own_platform_is_found_at_the_root() -> None:
    # `-c` puts the working directory first on the path, where the folder `platform` is.
    out = python("-c", "import platform, uuid; print(platform.system(), platform.__file__)")
    assert str(ROOT) not in out
    assert out.split()[0] == "Linux" or out.split()[0] == "Darwin"


def test_pythons_own_platform_is_found_inside_platform() -> None:
    code = "import platform; print(platform.__file__, platform.system())"
    assert str(ROOT) not in python("-c", code, folder=ROOT / "platform")


def test_the_project_is_imported_from_this_tree() -> None:
    code = "import atlas, atlas_provider, atlas_cli; print(atlas.__file__, atlas_cli.__file__)"
    out = python("-c", code, folder=Path("/")).split()
    assert out == [
        str(ROOT / "platform" / "atlas" / "__init__.py"),
        str(ROOT / "atlas_cli" / "__init__.py"),
    ]


def test_the_kubernetes_client_is_found_beside_infra(tmp_path: Path) -> None:
    """Pulumi runs `infra/__main__.py` with `infra/` first on the path: `infra/kubernetes` hides it.

    The program takes its folder from the path before anything else. Here it runs up to its first
    import of Pulumi or infra, in a folder with a `kubernetes` that must not be imported.
    """
    source = (ROOT / "infra" / "__main__.py").read_text(encoding="utf-8")
    start = re.split(r"^(?:from|import) (?:pulumi|infra)", source, maxsplit=1, flags=re.MULTILINE)[
        0
    ]
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes" / "__init__.py").write_text("raise RuntimeError('the wrong one')")
    program = tmp_path / "__main__.py"
    program.write_text(f"{start}\nimport kubernetes.client as k; print(k.__file__)")
    assert "site-packages" in python(str(program))
    program.write_text("import kubernetes.client")
    with pytest.raises(AssertionError, match="the wrong one"):
        python(str(program))
