"""All error classes are in one tree, and a code is an error's attribute."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from atlas import errors

ROOT = Path(__file__).parents[3]
TREE = ROOT / "platform" / "atlas" / "errors.py"
SOURCES = ("platform", "atlas_cli", "infra")
WITHOUT_ATLAS = ROOT / "platform" / "atlas_toolchain"
"""Runs before Atlas can be imported, so it has errors of its own."""
CODE = re.compile(r"[A-Z]\d{3}: ")
NOT_YET = {
    "platform/atlas/images/registry.py",
    "platform/atlas/launch/followed.py",
    "platform/atlas/launch/following.py",
    "platform/atlas_deploy/stacks/explain.py",
    "platform/atlas_deploy/stacks/stack.py",
}
"""Files that still have codes in texts. It only gets shorter."""


def files() -> list[Path]:
    found = (file for source in SOURCES for file in sorted((ROOT / source).rglob("*.py")))
    return [file for file in found if not file.is_relative_to(WITHOUT_ATLAS) and file != TREE]


def test_error_classes_are_in_the_tree() -> None:
    elsewhere = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in files()
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and node.name.endswith("Error")
        and not node.name.startswith("_")
    ]
    assert elsewhere == []


def test_the_tree_draws_every_class() -> None:
    classes = [name for name, value in vars(errors).items() if isinstance(value, type)]
    named = [name for name in classes if name.endswith("Error")]
    assert len(named) > 10
    assert errors.__doc__
    assert [name for name in named if name not in errors.__doc__] == []
    assert all(issubclass(getattr(errors, name), errors.AtlasError) for name in named)


def test_codes_are_in_no_text() -> None:
    with_codes = {
        str(file.relative_to(ROOT))
        for file in files()
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value)
    }
    assert with_codes - NOT_YET == set(), "give the error its code: AtlasError(…, code=…)"
    assert NOT_YET - with_codes == set(), "take these out of NOT_YET"


def test_a_code_begins_the_text() -> None:
    error = errors.TargetError("p isn't deployed", code="T301")
    assert (error.code, str(error)) == ("T301", "T301: p isn't deployed")
    assert errors.AtlasError("no code").code == ""
    refused = errors.RefusedError("no", 403, code="I206")
    assert (refused.code, refused.status) == ("I206", 403)
