"""The reference is what the schemas say: `pytest tests/docs --update-golden` writes it again."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from atlas.load.schema import SCHEMAS, schema_text

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def _reference() -> ModuleType:
    """Import the module beside this one, which importlib mode has no package for."""
    file = Path(__file__).parent / "reference.py"
    spec = importlib.util.spec_from_file_location("docs_reference", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = _reference()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_page_is_what_the_schema_says(kind: str, request: pytest.FixtureRequest) -> None:
    file, wanted = FOLDER / f"{kind}.md", reference.page(kind)
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(wanted, "utf-8")
    assert file.read_text("utf-8") == wanted, (
        "stale: write it with `pytest tests/docs --update-golden`"
    )


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_stands_there_and_is_explained(kind: str) -> None:
    root = json.loads(schema_text(kind))
    fields = list(reference.fields(root))
    assert _properties(root) <= {path.split(".")[-1] for path, _, _ in fields}
    assert [path for path, schema, _ in fields if not schema.get("description")] == []


def _properties(schema: Any) -> set[str]:
    """Return the names of all fields that a schema knows, wherever in it."""
    parts = (
        schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    )
    found = {name for part in parts for name in _properties(part)}
    own = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return found | set(own)
