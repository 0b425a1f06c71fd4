"""Python sources as syntax trees, from any thread.

CPython 3.11 counts the depth of all trees that are being built in one place, so two threads that
build trees at once can end with "SystemError: AST constructor recursion depth mismatch" (seen with
3.11.7). One at a time, then.
"""

from __future__ import annotations

import ast
import warnings
from threading import Lock

_ONE = Lock()


def syntax_tree(source: str | bytes) -> ast.Module:
    """Return a source's syntax tree, without the warnings that it deserves.

    Raises:
        SyntaxError: it isn't Python.
        ValueError: it has a NUL character.
        RecursionError, MemoryError: it is nested too deep.
    """
    with _ONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def expression_tree(source: str) -> ast.expr:
    """Return the syntax tree of an expression; raises as `syntax_tree` does."""
    with _ONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, mode="eval").body
