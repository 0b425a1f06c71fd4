"""What `--help` looks like: sections of commands, examples, and headings that stand out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from atlas_cli.colours import BOLD, CYAN, DIM, paint
from atlas_cli.table import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_Formatter: Any = typer.Context.formatter_class


class Formatter(_Formatter):  # type: ignore[misc]
    """Help with bold headings and coloured names, on a terminal that wants them."""

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        super().write_heading(paint(heading, BOLD, on=sys.stdout))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that begins with Usage."""
        super().write_usage(prog, args, prefix or f"{paint('Usage:', BOLD, on=sys.stdout)} ")

    def write_dl(self, rows: Sequence[tuple[str, str]], **widths: int) -> None:
        """Write names and what they mean in two columns."""
        super().write_dl(
            [(paint(name, CYAN, on=sys.stdout), text) for name, text in rows], **widths
        )


class HelpContext(typer.Context):
    """A call, whose help is written by `Formatter`."""

    formatter_class = Formatter


def write_sections(formatter: Formatter) -> None:
    """Write the commands of the table in their sections, one width for all of them."""
    width = max(len(entry.name) for entries in SECTIONS.values() for entry in entries)
    for title, entries in SECTIONS.items():
        with formatter.section(title.capitalize()):
            formatter.write_dl([(entry.name.ljust(width), entry.help) for entry in entries])


def write_examples(formatter: Formatter, name: str) -> None:
    """Write the examples of a command, as the end of its help."""
    from atlas_cli.examples import EXAMPLES

    with formatter.section("Examples"):
        for text, call in EXAMPLES.get(name, ()):
            formatter.write(f"  {paint(f'# {text}', DIM, on=sys.stdout)}\n  {call}\n")
