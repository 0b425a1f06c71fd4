"""The reference of the command line, as a page: every command, with what its own help says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from atlas_cli.__main__ import app
from atlas_cli.examples import EXAMPLES
from atlas_cli.lazy import load
from atlas_cli.table import COMMANDS, SECTIONS

HEAD = """# Commands

<!-- Made from the commands themselves by `pytest tests/docs --update-golden`: change those. -->

`atlas COMMAND --help` prints the same. Every command exits with 0 when it is done, 1 when something is wrong that you can
mend, 2 when it was called wrongly, and 130 when it was interrupted. Results go to standard output, progress and errors
to standard error.
"""


def page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    parts = [HEAD, _options(root, "atlas"), _contents()]
    parts += [part for name, command in commands() for part in _section(name, command)]
    return "\n".join(parts)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command by its full name; those inside of another come after it."""
    for entry in COMMANDS:
        command = load(entry)
        yield f"atlas {entry.name}", command
        for name, inner in getattr(command, "commands", {}).items():
            yield f"atlas {entry.name} {name}", inner


def _contents() -> str:
    return "\n".join(part for title in SECTIONS for part in _table(title))


def _table(title: str) -> Iterator[str]:
    yield f"| {title} | |\n|---|---|"
    for entry in SECTIONS[title]:
        yield f"| [`{entry.name}`](#atlas-{entry.name}) | {entry.help} |"
    yield ""


def _section(name: str, command: Any) -> Iterator[str]:
    yield f"## {name}\n\n{_paragraphs(command.help)}\n"
    yield _options(command, name)
    calls = EXAMPLES.get(name.removeprefix("atlas "), ())
    lines = [line for text, call in calls for line in (f"# {text}", call)]
    if lines:
        yield "\n".join(["```text", *lines, "```", ""])


def _options(command: Any, name: str) -> str:
    context = typer.Context(command, info_name=name)
    usage = command.get_usage(context).removeprefix("Usage: ")
    records = (parameter.get_help_record(context) for parameter in command.params)
    rows = [f"| `{word}` | {_cell(text)} |" for word, text in filter(None, records)]
    table = ["", "| | |", "|---|---|", *rows] if rows else []
    return "\n".join(["```text", " ".join(usage.split()), "```", *table, ""])


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
