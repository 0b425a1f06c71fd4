"""Functions that are steps, read as the classes that a run makes of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from atlas.recipe import FUNCTION_STEP, STEP_DECORATORS
from atlas.validate.annotations import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONTEXT = "context"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def classes_of(statements: Iterator[ast.stmt], names: Mapping[str, str]) -> dict[str, ast.ClassDef]:
    """Return a class for each function that is marked as a step.

    Args:
        statements: those of the module's top level.
        names: what each imported name stands for.
    """
    found = (node for node in statements if isinstance(node, Function))
    return {node.name: _as_class(node) for node in found if _is_step(node, names)}


def _is_step(node: Function, names: Mapping[str, str]) -> bool:
    return any(_full(mark, names) in STEP_DECORATORS for mark in node.decorator_list)


def _full(mark: ast.expr, names: Mapping[str, str]) -> str:
    head, _, rest = dotted(mark).partition(".")
    full = names.get(head, head)
    return f"{full}.{rest}" if rest else full


def _as_class(node: Function) -> ast.ClassDef:
    """Return the class: keyword-only arguments are its attributes, the others those of `run`."""
    given = node.args
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    params = [_param(arg, default) for arg, default in pairs if arg.arg != _CONTEXT]
    own = ast.copy_location(ast.arg("self"), node)
    taken = ast.arguments(
        posonlyargs=[], args=[own, *given.posonlyargs, *given.args], vararg=given.vararg,
        kwonlyargs=[], kw_defaults=[], kwarg=given.kwarg, defaults=given.defaults,
    )  # fmt: skip
    run = type(node)(
        name="run", args=taken, body=node.body, decorator_list=[], returns=node.returns
    )
    base = ast.Name(FUNCTION_STEP, ast.Load())
    made = ast.ClassDef(
        name=node.name, bases=[base], keywords=[], body=[*params, run], decorator_list=[]
    )
    for new in (base, run, made):
        ast.copy_location(new, node)
    return made


def _param(arg: ast.arg, default: ast.expr | None) -> ast.AnnAssign:
    annotation = arg.annotation or ast.copy_location(ast.Name("object", ast.Load()), arg)
    target = ast.copy_location(ast.Name(arg.arg, ast.Store()), arg)
    return ast.copy_location(ast.AnnAssign(target, annotation, default, simple=1), arg)
