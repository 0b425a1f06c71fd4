"""Nothing but a target's folder and its line in the table names the target or its kind."""

from __future__ import annotations

import ast
from pathlib import Path

from atlas import registered
from atlas.targets import target_named

ROOT = Path(__file__).parents[3]
TARGETS = [target_named(name) for name in registered.TARGETS]
MONITORS = [target.monitor.kind.name for target in TARGETS if target.monitor]
NAMES = {*registered.TARGETS, *(target.deployed.name for target in TARGETS), *MONITORS}
APART = ("platform/atlas/registered.py", "platform/atlas_provider/resources/")
"""The table, and the typed classes that are generated from the kinds."""


def sources():
    for room in ("platform/atlas", "platform/atlas_deploy", "platform/atlas_provider", "atlas_cli"):
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            own = name.split("/")[3] if name.startswith("platform/atlas/targets/") else ""
            text = path.read_text("utf-8")
            is_apart = own in registered.TARGETS or name.startswith(APART)
            if not is_apart and any(one in text for one in NAMES):
                yield name, ast.parse(text)


def test_no_other_code_asks_for_a_target_by_name():
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in NAMES
    ]
    assert found == []


def test_no_other_code_imports_a_targets_module():
    modules = tuple(f"atlas.targets.{name}" for name in registered.TARGETS)
    found = [
        f"{name}:{node.lineno}"
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(modules)
    ]
    assert found == []
