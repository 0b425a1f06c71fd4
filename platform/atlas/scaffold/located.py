"""Saying in a project's files what a new pipeline needs, and leaving the rest as it was typed."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import AtlasError, DocumentError, InvalidError, Problem
from atlas.load import read_document, shown, structure_problems
from atlas.load.locate import locate

if TYPE_CHECKING:
    from pathlib import Path


def with_data(file: Path, name: str, uri: str) -> str:
    """Return an Environment's text with one more data set.

    Raises:
        DocumentError: the Environment can't be read.
        InvalidError: it is broken.
        AtlasError: it says already that the data set is elsewhere.
    """
    document = read_document(file, shown(file))
    problems = structure_problems("environment", document)
    if problems:
        raise InvalidError(problems)
    data = document.value.get("data", {})
    if name in data:
        return _same(document.text, shown(file), name, data[name]["uri"], uri)
    entry = f"{json.dumps(name)}: {json.dumps({'uri': uri})}"
    if data:
        return _behind(document.text, ("data",), f"\n    {entry},")
    if "data" in document.value:
        return _behind(document.text, ("data",), f"\n    {entry}\n  ")
    return _behind(document.text, (), f'\n  "data": {{\n    {entry}\n  }},')


def _same(text: str, where: str, name: str, given: str, expected: str) -> str:
    if given == expected:
        return text
    message = f"{where}: data.{name}.uri: is {given} already; expected {expected}"
    raise AtlasError(f"{message}; choose another --name")


def _behind(text: str, at: tuple[str, ...], what: str) -> str:
    """Insert behind the brace that opens the object at a path."""
    position = locate(text, at)
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: position.line - 1]) + position.column
    return text[:offset] + what + text[offset:]


def with_project(file: Path, identity: str) -> str:
    """Return a pyproject.toml's text with ``[tool.atlas]`` at its end.

    Args:
        file: the pyproject.toml.
        identity: the project's id.

    Raises:
        DocumentError: it can't be read, or isn't such that a table can be put at its end.
    """
    try:
        text = file.read_bytes().decode("utf-8")
        body = text.rstrip()
        table = f'[tool.atlas]\nid = "{identity}"\n'
        added = f"{body}\n\n{table}" if body else table
        tomllib.loads(text)
        tomllib.loads(added)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"can't be given a [tool.atlas]: {error}"
        hint = f"add the table by hand, and call {command('init')} again"
        problem = Problem(code="P001", message=message, file=shown(file), hint=hint)
        raise DocumentError(problem) from None
    return added
