"""A class name stands for one thing in the whole source."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ("platform", "atlas_cli", "infra")
TEXTS = ("scaffold", "texts")
"""Where files are that `atlas init` writes into a project: they aren't Atlas's own code."""


def classes() -> dict[str, list[str]]:
    """Return the places of each class: name → file and line."""
    found: dict[str, list[str]] = defaultdict(list)
    for source in SOURCES:
        for file in sorted((ROOT / source).rglob("*.py")):
            place = file.relative_to(ROOT)
            if all(part in place.parts for part in TEXTS):
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(f"{place}:{node.lineno}")
    return found


def test_a_class_name_stands_for_one_class() -> None:
    several = {name: places for name, places in classes().items() if len(places) > 1}
    assert several == {}, "give one of them a name of its own"
