"""Projects to begin from: every example of the Problems' pages, and the example pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.pages import INDEX, PLAN, SCRIPT, files_of, pages

Files = Mapping[str, str]
"""A project: path → text."""

ROOT = Path(__file__).parents[3]
_READ = (".json", ".py", ".txt", ".toml", ".Dockerfile")


@cache
def projects() -> tuple[Files, ...]:
    """Return the projects, those that are wrong in one way among them."""
    shared = files_of(INDEX.read_text("utf-8"))
    found = [
        {**shared, **files}
        for page in pages()
        if page.has_examples and page.arguments.startswith("validate")
        for part in ("Wrong", "Right")
        if not {PLAN, SCRIPT} & (files := files_of(page.part(part))).keys()
    ]
    return (*found, *[_example()] * 20)


def _example() -> Files:
    """Return the example project, without its data and its locks."""
    folder = ROOT / "recipes"
    wanted = ("tumour/*", "environments/*", "pyproject.toml")
    files = [file for pattern in wanted for file in sorted(folder.glob(pattern))]
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8")
        for file in files
        if file.suffix in _READ and file.stem != "make_data"
    }


@cache
def values() -> tuple[Any, ...]:
    """Return every object and array of all documents, to be grafted into others."""
    found: list[Any] = []
    for files in projects()[:-19]:
        for name, text in files.items():
            if name.endswith(".json"):
                found += _containers(_parsed(text))
    return tuple(found)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _containers(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    inner = [one for item in items for one in _containers(item)]
    return [value, *inner] if isinstance(value, dict | list) else []
