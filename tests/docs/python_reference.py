"""The reference of what people import, as a page: every public name, with its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

from atlas import functions

HEAD = """# Python

<!-- Made from the docstrings by `pytest tests/docs --update-golden`: change those. -->

What steps, tests, notebooks and Pulumi programs import. Any other name of these packages may change without notice.
[Write a step](../templates.md) shows the Templates in use.
"""
MODULES = {
    "atlas": "for steps",
    "atlas.testing": "for tests of steps and pipelines",
    "atlas.builder": "for Recipes and Configs written in Python",
    "atlas.notebook": "for notebooks",
    "atlas_deploy": "for programs that deploy",
}
_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Yields|Example):$", re.MULTILINE)
_FIELD = re.compile(r"^    (\*{0,2}[\w, ]+): (.+)$")
_BASES = (object, tuple, str)


def page() -> str:
    """Return the page."""
    parts = [HEAD, *(part for module in MODULES for part in _module(module))]
    return "\n".join(parts)


def names(module: str) -> list[str]:
    """Return the public names of a module that are functions or classes, sorted."""
    own = import_module(module)
    return [name for name in sorted(own.__all__, key=str.lower) if callable(getattr(own, name))]


def _module(module: str) -> Iterator[str]:
    yield f"## {module}\n\n`{module}`: {MODULES[module]}.\n"
    for name in names(module):
        thing = getattr(import_module(module), name)
        called = functions.step if inspect.ismodule(thing) else thing
        yield from _thing(f"{module}.{name}", name, called)


def _thing(title: str, name: str, thing: Any) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"```python\n{signature(name, thing)}\n```\n"
    yield _described(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        methods = {own: member for own, member in vars(thing).items() if _is_method(own, member)}
        for own, member in methods.items():
            yield f"#### {name}.{own}\n"
            yield f"```python\n{signature(own, _function(member))}\n```\n"
            yield _described(inspect.getdoc(_function(member)) or "")


def _is_method(name: str, member: Any) -> bool:
    function = _function(member)
    return not name.startswith("_") and inspect.isfunction(function) and bool(function.__doc__)


def _function(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, (classmethod, staticmethod)) else member


def signature(name: str, thing: Any) -> str:
    """Return how a class or a function is written down, on a line for each argument if it is long."""
    word = "class" if inspect.isclass(thing) else "def"
    if inspect.isclass(thing) and is_dataclass(thing):
        with suppress(TypeError):
            thing()  # Of `atlas.dataclass`, `__init__` is made when it is first called.
    bases = [base.__name__ for base in getattr(thing, "__bases__", ()) if base not in _BASES]
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return f"{word} {name}"
    if word == "class" and [one.name for one in found.parameters.values()] in (
        ["args", "kwargs"],
        [],
    ):
        return f"class {name}({', '.join(bases)})" if bases else f"class {name}"
    text = f"{word} {name}{_plain(str(found.replace(parameters=_arguments(found))))}"
    if len(text) <= 100:
        return text
    lines = "".join(f"    {_plain(str(one))},\n" for one in _lined(found))
    back = "" if found.return_annotation is found.empty else f" -> {_plain(_hint(found))}"
    return f"{word} {name}(\n{lines}){back}"


def _arguments(found: inspect.Signature) -> list[inspect.Parameter]:
    return [one for one in found.parameters.values() if one.name not in ("self", "cls")]


def _lined(found: inspect.Signature) -> list[Any]:
    """Return the arguments, with the star before those that are keyword-only."""
    lines: list[Any] = []
    for one in _arguments(found):
        if one.kind is one.KEYWORD_ONLY and not any(_stars(line) for line in lines):
            lines.append("*")
        lines.append(one)
    return lines


def _stars(line: Any) -> bool:
    return line == "*" or str(line).startswith("*") or getattr(line, "kind", 0) == 3


def _hint(found: inspect.Signature) -> str:
    return inspect.formatannotation(found.return_annotation).strip("'")


def _plain(text: str) -> str:
    """Return a signature without quotes around hints, places of objects, or modules' names."""
    text = re.sub(
        r"<factory>|<object object at \w+>|<function .+?>|<class '[\w.]*?(\w+)'>", r"\1…", text
    )
    text = re.sub(r"ForwardRef\('([^']+)'\)", r"\1", text)
    return re.sub(r"(?<=[:>] )'([^']+)'", r"\1", text)


def _described(text: str) -> str:
    """Return a docstring as Markdown: its sections are lists, its examples blocks."""
    first, *rest = _SECTION.split(text)
    parts = [_prose(first)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts.append(_block(body) if title == "Example" else _list(title, body))
    return "\n".join(part for part in parts if part)


def _block(body: str) -> str:
    return f"```python\n{inspect.cleandoc(body)}\n```\n"


def _list(title: str, body: str) -> str:
    lines = inspect.cleandoc(body).splitlines()
    items: list[str] = []
    for line in lines:
        found = re.match(r"(\*{0,2}[\w, *]+): (.+)", line)
        if found and title != "Returns":
            items.append(f"- `{found[1]}`: {_code(found[2])}")
        elif items and (line.startswith(" ") or title in ("Returns", "Yields")):
            items[-1] += f" {_code(line.strip())}"
        else:
            items.append(f"- {_code(line.strip())}")
    return "\n".join([f"**{title}**\n", *items, ""])


def _prose(text: str) -> str:
    """Return prose; lines that stand further in are a block."""
    parts = []
    for part in text.strip().split("\n\n"):
        indented = part.startswith("    ") or ">>>" in part or re.match(r"\w+ = ", part)
        parts.append(
            f"```python\n{inspect.cleandoc(part)}\n```\n" if indented else f"{_code(part)}\n"
        )
    return "\n".join(parts)


def _code(text: str) -> str:
    return text.replace("``", "`")
