"""The page of what comes back is what does: `pytest tests/docs --update-golden` writes it again."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "types.md"


def test_the_page_is_what_comes_back(request: pytest.FixtureRequest) -> None:
    file = Path(__file__).parent / "kept.py"
    spec = importlib.util.spec_from_file_location("docs_kept", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    wanted = module.page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted, "utf-8")
    assert PAGE.read_text("utf-8") == wanted, (
        "run `pytest tests/docs --update-golden` and look at what changed"
    )
    assert wanted.count("| the same |") > 130
