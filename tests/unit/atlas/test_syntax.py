"""Syntax trees, from several threads at once."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from atlas.syntax import expression_tree, syntax_tree

SOURCE = "def f(a: dict[str, list[int]]):\n    return [x + (1 if x else 2) for x in a]\n" * 100


class Garbage:
    """What the collector finds while a tree is built: its end runs Python, so threads change."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        for _ in range(50):
            pass


@pytest.fixture
def _busy_collector():
    def litter(*_):
        Garbage()

    before = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(litter)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    gc.callbacks.remove(litter)
    gc.set_threshold(*before[0])
    sys.setswitchinterval(before[1])


@pytest.mark.usefixtures("_busy_collector")
def test_trees_are_built_from_several_threads_at_once():
    expected = ast.dump(syntax_tree(SOURCE))
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
