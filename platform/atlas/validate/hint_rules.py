"""Rules about what else only an import would show: names that aren't defined, constructors."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from atlas.errors import Problem, SourceError
from atlas.load import clean, nearest, shown
from atlas.syntax import expression_tree
from atlas.validate.lineage import method_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.signature import Signature
    from atlas.validate.source import Module
    from atlas.validate.subject import Subject

_COMMON = {
    "pd": "import pandas as pd", "np": "import numpy as np", "pa": "import pyarrow as pa",
    "pl": "import polars as pl", "plt": "from matplotlib import pyplot as plt",
    "go": "from plotly import graph_objects as go",
    **{name: f"from typing import {name}" for name in (
        "Annotated", "Any", "ClassVar", "Literal", "NamedTuple", "Optional", "TypedDict", "Union",
    )},
    **{name: f"from atlas import {name}" for name in (
        "Batch", "Bounds", "Data", "Evaluator", "Html", "LabelJoin", "Markdown", "Png", "Predictor",
        "RowEvaluator", "Sink", "Source", "Svg", "Template", "Trainer", "Transform",
    )},
    "Enum": "from enum import Enum", "Path": "from pathlib import Path",
    "dataclass": "from dataclasses import dataclass", "date": "from datetime import date",
    "datetime": "from datetime import datetime",
}  # fmt: skip
"""What most often defines a name."""
_BUILT_IN = {
    "Dict": "dict", "FrozenSet": "frozenset", "List": "list", "Set": "set", "Tuple": "tuple",
    "Type": "type",
}  # fmt: skip
"""An alias of the module typing, often left without its import → the type that needs none."""
_OPAQUE = {"exec", "globals", "setattr", "vars"}
"""Functions by which a module may define names that its source doesn't show."""
_OF_HINTS = {
    "list", "dict", "set", "frozenset", "tuple", "type", "List", "Dict", "Set", "FrozenSet",
    "Tuple", "Type", "Optional", "Union", "Sequence", "Mapping", "Iterable", "ClassVar", "Final",
}  # fmt: skip
"""Generic types of which all parts are hints; in others, such as `Literal`, a text is a value."""
_OF_MODULES = {"__file__", "__name__", "__doc__", "__package__", "__path__", "__spec__"}


def check_names(subject: Subject) -> Iterator[Problem]:
    """Check that what steps' hints, bases and decorators name is defined in their modules."""
    for module in _modules(subject):
        yield from _undefined(module)


def _modules(subject: Subject) -> list[Module]:
    """Return the folder's modules that have the steps' classes and what these inherit from."""
    sources, found = subject.reader.sources, {}
    for signature in subject.signatures.values():
        for full in signature.ancestors:
            name = full.rpartition(".")[0]
            if name not in found and sources.is_own(name):
                found[name] = sources.module(name)
    return [module for _, module in sorted(found.items()) if module is not None]


def _undefined(module: Module) -> Iterator[Problem]:
    """Yield a Problem for the first use of each name that is defined nowhere."""
    known = {*module.names, *module.classes, *module.aliases, *_OF_MODULES}
    used: dict[str, ast.Name] = {}
    for node in _evaluated(module.tree.body):
        for name in _names(node):
            if name.id not in known and not hasattr(builtins, name.id):
                used.setdefault(name.id, name)
    if not used or module.stars:
        return
    bound = _bound(module.tree)
    if not bound & _OPAQUE:
        yield from (_problem(module, node, known) for node in used.values() if node.id not in bound)


def _evaluated(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Yield the hints, bases and decorators of a module or class, which its import evaluates."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from (*node.bases, *node.decorator_list)
            yield from _evaluated(node.body)
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.decorator_list
            given = node.args
            arguments = (*given.posonlyargs, *given.args, *given.kwonlyargs)
            yield from (one.annotation for one in arguments if one.annotation is not None)
            yield from () if node.returns is None else (node.returns,)


def _names(node: ast.expr) -> Iterator[ast.Name]:
    """Yield the names of an expression; of a quoted hint, those in the quotes."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _quoted(node)
    elif isinstance(node, ast.Subscript):
        yield from _names(node.value)
        yield from _of_subscript(node)
    elif isinstance(node, ast.Call):
        yield from _names(node.func)
    elif isinstance(node, ast.Attribute | ast.BinOp | ast.List | ast.Tuple):
        for child in ast.iter_child_nodes(node):
            yield from _names(child) if isinstance(child, ast.expr) else ()


def _of_subscript(node: ast.Subscript) -> Iterator[ast.Name]:
    """Yield the names in the brackets; a text there is a hint only where that is known."""
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    has_hints = getattr(node.value, "id", getattr(node.value, "attr", "")) in _OF_HINTS
    for item in items:
        if has_hints or not isinstance(item, ast.Constant):
            yield from _names(item)


def _quoted(node: ast.Constant) -> Iterator[ast.Name]:
    try:
        tree = expression_tree(str(node.value).strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for name in _names(tree) if not isinstance(tree, ast.Constant) else ():
        yield ast.copy_location(ast.Name(name.id), node)


def _bound(tree: ast.Module) -> set[str]:
    """Return all names that a module binds anywhere, and the opaque functions that it calls."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found |= {node.id} if isinstance(node.ctx, ast.Store) or node.id in _OPAQUE else set()
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
            found |= {one.name for one in getattr(node, "type_params", ())}
        elif type(node).__name__ in ("MatchAs", "MatchStar", "ExceptHandler", "TypeVar"):
            found.add(getattr(node, "name", "") or "")
    return found


def _problem(module: Module, node: ast.Name, known: set[str]) -> Problem:
    statement, built_in = _COMMON.get(node.id), _BUILT_IN.get(node.id)
    hint = f"add `{statement}`" if statement else nearest(node.id, [*known, *_COMMON])
    hint = f"write `{built_in}`, or add `from typing import {node.id}`" if built_in else hint
    return Problem(
        code="R049",
        message=f"'{clean(node.id)}' isn't defined in the module '{module.name}'",
        file=clean(shown(module.path)),
        line=node.lineno,
        column=node.col_offset + 1,
        found=clean(node.id),
        expected="" if statement else "a name that the module defines or imports",
        hint=hint,
    )


def check_constructors(subject: Subject) -> Iterator[Problem]:
    """Check that a Template that has an `__init__` of its own takes what a run gives to it."""
    seen: set[tuple[str, int]] = set()
    for signature in subject.signatures.values():
        if signature.is_template:
            yield from _constructor(subject, signature, seen)


def _constructor(
    subject: Subject, signature: Signature, seen: set[tuple[str, int]]
) -> Iterator[Problem]:
    """Yield a Problem where the nearest `__init__` above Template's doesn't take the params."""
    for full in signature.ancestors:
        owned = _owned(subject, full)
        method = method_of(owned[1], "__init__") if owned else None
        if owned is None or method is None:
            continue
        given = method.args
        taken = {one.arg for one in (*given.args, *given.kwonlyargs)}
        needed = {"context", *signature.params}
        place = (owned[0].name, method.lineno)
        if given.kwarg is None and needed - taken and place not in seen:
            seen.add(place)
            yield _no_params(owned[0], method, full.rpartition(".")[2], sorted(needed - taken))
        return


def _owned(subject: Subject, full: str) -> tuple[Module, ast.ClassDef] | None:
    sources = subject.reader.sources
    if not sources.is_own(full.rpartition(".")[0]):
        return None
    try:
        return sources.find_class(full)
    except SourceError:
        return None


def _no_params(
    module: Module, method: ast.FunctionDef | ast.AsyncFunctionDef, cls: str, lacking: list[str]
) -> Problem:
    hint = (
        "annotate params at the class's top level, and leave `__init__` out; or take `**params` "
        "and call `super().__init__(**params)`"
    )
    return Problem(
        code="R050",
        message=f"{cls}.__init__ doesn't take what a run gives: {', '.join(lacking)}",
        file=clean(shown(module.path)),
        line=method.lineno,
        column=method.col_offset + 1,
        found=f"{cls}.__init__",
        hint=hint,
    )


RULES = (check_names, check_constructors)
"""The rules about hints and constructors."""
