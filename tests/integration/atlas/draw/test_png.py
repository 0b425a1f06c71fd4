"""PNG, which Graphviz paints: with it, without it, and when it fails."""

import importlib
import shutil
import struct
from pathlib import Path

import pytest

from atlas.draw import of_plan, png
from atlas.draw.layout import layered
from atlas.errors import TargetError
from tests.golden.graphs import chain, hostile
from tests.golden.plans import TRAINING

module = importlib.import_module("atlas.draw.as_png")
needs_graphviz = pytest.mark.skipif(not shutil.which("neato"), reason="Graphviz isn't installed")


def size(content):
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


@needs_graphviz
@pytest.mark.parametrize("plan", [TRAINING, hostile()], ids=["training", "hostile"])
def test_it_is_the_layout_twice_as_fine(plan):
    layout = layered(of_plan(plan))
    width, height = size(png(of_plan(plan), {"load": "ran"}))
    assert width >= 2 * (layout.width - 40)
    assert height >= 2 * (layout.height - 40)


@needs_graphviz
def test_a_very_long_one_is_painted_coarser():
    assert size(png(of_plan(chain(400))))[1] <= 32_767


def test_without_graphviz_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    with pytest.raises(TargetError, match=r"apt-get install graphviz.*svg or html"):
        png(of_plan(TRAINING))


def test_a_graphviz_that_fails_is_explained(monkeypatch, tmp_path: Path):
    broken = tmp_path / "neato"
    broken.write_text("#!/bin/sh\necho no renderer >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(broken))
    with pytest.raises(TargetError, match="no renderer"):
        png(of_plan(TRAINING))


def test_a_graphviz_that_cannot_be_started_is_explained(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(module.shutil, "which", lambda _: str(tmp_path / "gone"))
    with pytest.raises(TargetError, match="draw svg or html"):
        png(of_plan(TRAINING))
