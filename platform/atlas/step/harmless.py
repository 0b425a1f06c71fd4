"""Which steps run in a process that others share and can't tell: for those it saves a fork.

A step's class is such a one if all code that it reaches imports only modules that leave a process
as it is, and keeps nothing outside of its instances.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from atlas.step.reach import imports, reached_files
from atlas.syntax import syntax_tree

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.plan import PlanStep

_MODULES = frozenset(
    (
        *("__future__", "abc", "atlas", "base64", "bisect", "calendar", "collections", "copy"),
        *("csv", "dataclasses", "datetime", "enum", "fractions", "functools", "hashlib", "heapq"),
        *("itertools", "json", "math", "numbers", "operator", "re", "statistics", "string"),
        *("textwrap", "typing", "typing_extensions", "uuid", "zoneinfo"),
    )
)
"""Modules that change nothing of the process that imports and uses them."""
_CONSTANT = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.UnaryOp,
    ast.BinOp,
    ast.Tuple,
    ast.Subscript,
)
_KEEPS = (ast.Global, ast.Nonlocal)


def is_harmless(step: PlanStep, folder: Path, code: str) -> bool:
    """Tell whether a step may share a process with others.

    Args:
        step: the step.
        folder: the pipeline's folder.
        code: digest of its code.
    """
    bounded = step.env or step.timeout is not None or step.resources.memory is not None
    return not bounded and _is_harmless(folder, step.cls.partition(":")[0], code)


@lru_cache(maxsize=1000)
def _is_harmless(folder: Path, module: str, code: str) -> bool:
    files = reached_files(folder, module)
    return bool(files) and all(_is_harmless_file(file, folder) for file in files)


def _is_harmless_file(file: Path, folder: Path) -> bool:
    names, dynamic = imports(file, folder)
    return not dynamic and all(_is_known(folder, name) for name in names) and not _keeps(file)


def _is_known(folder: Path, name: str) -> bool:
    top = name.partition(".")[0]
    own = folder / top
    return top in _MODULES or own.is_dir() or own.with_suffix(".py").is_file()


def _keeps(file: Path) -> bool:
    """Tell whether a module keeps something that outlives an instance of its classes."""
    tree = syntax_tree(file.read_bytes())
    if any(isinstance(node, _KEEPS) or _sets_class(node) for node in ast.walk(tree)):
        return True
    return not all(map(_only_defines, tree.body))


def _sets_class(node: ast.AST) -> bool:
    """Tell whether a node may set something of a class or module: `setattr`, ``Name.x = …``."""
    if isinstance(node, ast.Name):
        return node.id in ("setattr", "globals", "vars", "open", "input")
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return not (isinstance(node.value, ast.Name) and node.value.id == "self")
    return False


def _only_defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return all(map(_only_defines, node.body))
    if isinstance(node, ast.Assign):
        return _is_constant(node.value)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    imports = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AnnAssign | ast.Pass
    return isinstance(node, imports) or _is_for_types(node)


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, _CONSTANT) and all(
        isinstance(child, (*_CONSTANT, ast.operator, ast.unaryop, ast.expr_context))
        for child in ast.walk(node)
    )
