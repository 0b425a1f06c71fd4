"""The reference of Python is what the docstrings say."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs import python_reference

FILE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"


def test_the_page_is_what_the_docstrings_say(request: pytest.FixtureRequest) -> None:
    expected = python_reference.page()
    if request.config.getoption("--update-golden"):
        FILE.write_text(expected, "utf-8")
    assert FILE.read_text("utf-8") == expected, (
        "stale: write it with `pytest tests/docs --update-golden`"
    )


@pytest.mark.parametrize("module", python_reference.MODULES)
def test_every_public_name_is_explained(module: str) -> None:
    found = import_module(module)
    bare = [name for name in python_reference.names(module) if not getattr(found, name).__doc__]
    assert bare == []
    page = FILE.read_text("utf-8")
    assert [
        name for name in python_reference.names(module) if f"### {module}.{name}\n" not in page
    ] == []


def test_a_signature_is_written_as_it_is_typed() -> None:
    def short(number: int, *, factor: int = 2) -> int:
        """Multiply."""
        return number * factor

    assert python_reference.signature("short", short) == (
        "def short(number: int, *, factor: int = 2) -> int"
    )
    assert inspect.isfunction(short)
