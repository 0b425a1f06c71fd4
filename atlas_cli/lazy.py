"""A typer group that imports a command only when that command is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from atlas_cli import completing
from atlas_cli.formatting import HelpContext, write_examples, write_sections
from atlas_cli.memory import settle
from atlas_cli.quick import quicken
from atlas_cli.table import COMMANDS, CommandEntry

quicken()
_UsageError: Any = typer.BadParameter.__base__


def load(entry: CommandEntry) -> Any:
    """Import a command's module and return the typer command made of its function or app."""
    module, attribute = entry.place.split(":")
    target = getattr(import_module(f"atlas_cli.commands.{module}"), attribute)
    if not isinstance(target, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(entry.name)(target)
        target = app
    target.rich_markup_mode = None
    command = typer.main.get_command(target)
    _explain(command, entry.name)
    return _noted(command)


def _explain(command: Any, name: str) -> None:
    """Give a command, and those inside of it, its examples, form of help, and completion."""
    if completing.is_asked():
        completing.attach(command, name)
    command.context_class = HelpContext
    command.parse_args = _suggesting(command.parse_args)
    command.format_epilog = lambda _context, formatter: write_examples(formatter, name)
    for inner, one in getattr(command, "commands", {}).items():
        _explain(one, f"{name} {inner}")


def _suggesting(parse: Any) -> Any:
    """Return what parses a command's arguments, and says which option was meant."""

    def parse_args(context: Any, words: list[str]) -> Any:
        try:
            return parse(context, words)
        except _UsageError as error:
            from atlas_cli.mistyped import suggest

            suggest(error, context)
            raise

    return parse_args


def _noted(command: Any) -> Any:
    """Return a command that has messages tell commands with its own PATH and Environment."""
    invoke = command.invoke

    def noting(context: Any) -> Any:
        from atlas.advice import note_call

        given = {key: str(context.params.get(key) or "") for key in ("path", "env", "stack")}
        note_call(given["path"], given["env"], given["stack"])
        if sys.stderr.isatty():
            from atlas_cli.ticker import timed

            return timed(command.name, context.params, lambda: invoke(context))
        return invoke(context)

    command.invoke = noting
    return command


class LazyGroup(TyperGroup):
    """The commands of the table: listed as stubs, loaded when one is resolved."""

    context_class = HelpContext

    def __init__(self, **attributes: Any) -> None:
        """Fill the group with one stub a command, which is all that help and completion need."""
        super().__init__(**attributes)
        if completing.is_asked():
            completing.prepare()
        self._entries = {entry.name: entry for entry in COMMANDS}
        self.commands = {
            entry.name: TyperCommand(entry.name, help=entry.help, rich_markup_mode=None)
            for entry in COMMANDS
        }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of the arguments when the options of `atlas` itself are read."""
        return list(_suggesting(super().parse_args)(ctx, args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their sections."""
        write_sections(formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the real command in place of its stub."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in self._entries:
            command = load(self._entries[name])
            if not self._entries[name].brief:
                settle()
        return name, command, rest
