"""Saying in a project's files what a new pipeline needs, and leaving the rest as it was typed."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import AtlasError, DocumentError, InvalidError, Problem
from atlas.load import read_document, shown, structure_problems
from atlas.load.locate import locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def with_data(file: Path, entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an Environment's text with more data sets: name → what it says of one, `uri` first.

    Raises:
        DocumentError: the Environment can't be read.
        InvalidError: it is broken.
        AtlasError: it says already that one of the data sets is elsewhere.
    """
    document = read_document(file, shown(file))
    problems = structure_problems("environment", document)
    if problems:
        raise InvalidError(problems)
    data = document.value.get("data", {})
    for name in entries.keys() & data.keys():
        _check_same(shown(file), name, data[name]["uri"], entries[name]["uri"])
    new = [_entry(name, entry) for name, entry in entries.items() if name not in data]
    if not new:
        return document.text
    listed = ",\n    ".join(new)
    if data:
        return _behind(document.text, ("data",), f"\n    {listed},")
    if "data" in document.value:
        return _behind(document.text, ("data",), f"\n    {listed}\n  ")
    return _behind(document.text, (), f'\n  "data": {{\n    {listed}\n  }},')


def _entry(name: str, entry: Mapping[str, Any]) -> str:
    return f"{json.dumps(name)}: {json.dumps(dict(entry))}"


def _check_same(where: str, name: str, given: str, expected: str) -> None:
    if given != expected:
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
