"""Syntax trees, from several threads at once."""

from __future__ import annotations

import ast
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from atlas.syntax import expression_tree, syntax_tree

SOURCE = "def f(a: dict[str, list[int]]):\n    return [x + (1 if x else 2) for x in a]\n" * 300


def test_trees_are_built_from_several_threads_at_once():
    expected = ast.dump(ast.parse(SOURCE))
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(syntax_tree, [SOURCE] * 64))
    assert {ast.dump(tree) for tree in trees} == {expected}


def test_a_source_that_deserves_a_warning_gives_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ast.unparse(syntax_tree("x = 1 is 1\ny = '\\d'")) == "x = 1 is 1\ny = '\\\\d'"


def test_an_expression():
    assert ast.unparse(expression_tree("list[ int ]")) == "list[int]"


@pytest.mark.parametrize("read", [syntax_tree, expression_tree])
def test_what_is_no_python_is_refused(read):
    with pytest.raises(SyntaxError):
        read("a b")
