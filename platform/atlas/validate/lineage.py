"""A class and what it inherits from, as far as sources tell."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from atlas.validate.annotations import Annotations
    from atlas.validate.source import Module

Owned: TypeAlias = "tuple[Module, ast.ClassDef]"
"""A class, and the module that it stands in."""

_PLAIN_BASES = {
    "object", "abc.ABC", "typing.Protocol", "typing.NamedTuple", "typing.TypedDict",
    "typing.Generic", "typing_extensions.Protocol", "typing_extensions.TypedDict",
}  # fmt: skip
"""Bases that add no param, no input and no output."""


def lineage_of(
    annotations: Annotations, module: Module, node: ast.ClassDef
) -> tuple[list[Owned], bool]:
    """Return a class and its ancestors, nearest first, and whether all could be read."""
    lineage: dict[str, Owned] = {}
    closed, pending = True, [(module, node)]
    while pending:
        owner, cls = pending.pop(0)
        if f"{owner.name}.{cls.name}" in lineage:
            continue
        lineage[f"{owner.name}.{cls.name}"] = (owner, cls)
        for base in cls.bases:
            full = annotations.full_name(owner, base)
            owned = annotations.sources.find_class(full)
            closed = closed and (owned is not None or full in _PLAIN_BASES)
            pending += [owned] if owned else []
    return list(lineage.values()), closed


def method_of(node: ast.ClassDef, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return a method that a class itself defines, the last of its name; or None."""
    method = None
    for line in node.body:
        if isinstance(line, ast.FunctionDef | ast.AsyncFunctionDef) and line.name == name:
            method = line
    return method


def own_method(
    lineage: list[Owned], name: str, without: str
) -> tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef] | None:
    """Return the nearest method of a name, of classes that aren't of one module."""
    for owner, cls in lineage:
        method = method_of(cls, name) if owner.name != without else None
        if method is not None:
            return owner, method
    return None
