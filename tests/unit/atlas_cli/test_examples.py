"""Every command's help ends with examples, and each of them is a call that the command takes."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer

from atlas_cli.examples import EXAMPLES
from atlas_cli.lazy import load
from atlas_cli.table import COMMANDS, SECTIONS

LOADED = {entry.name: load(entry) for entry in COMMANDS}
CALLS = [call for examples in EXAMPLES.values() for _, call in examples]


def names() -> set[str]:
    """All commands, those inside of another among them."""
    inner = {
        f"{name} {one}"
        for name, command in LOADED.items()
        for one in getattr(command, "commands", {})
    }
    return set(LOADED) | inner


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == names()
    assert [name for name, examples in EXAMPLES.items() if not examples] == []


def test_an_example_is_of_its_command() -> None:
    wrong = [
        call
        for name, examples in EXAMPLES.items()
        for _, call in examples
        if not f"{call} ".startswith(f"atlas {name} ")
    ]
    assert wrong == []


@pytest.mark.parametrize("call", CALLS)
def test_an_example_parses(call: str) -> None:
    _, name, *words = shlex.split(call)
    parse(LOADED[name], name, words)


def parse(command: Any, name: str, words: list[str]) -> None:
    """Parse a call, down to the command that is called."""
    inner = getattr(command, "commands", None)
    if inner is not None:
        assert words, f"{name} needs one of its commands"
        parse(inner[words[0]], words[0], words[1:])
        return
    context = command.make_context(name, words)
    assert context.args == []


def test_an_example_that_does_not_parse_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option: --trees"):
        parse(LOADED["run"], "run", ["--trees", "200"])


def test_help_shows_the_examples() -> None:
    for name, command in LOADED.items():
        shown = command.get_help(typer.Context(command, info_name=name))
        for _, call in EXAMPLES[name]:
            assert call in shown


def test_the_sections_are_those_that_people_look_for() -> None:
    assert list(SECTIONS) == ["develop", "run", "deploy", "models", "monitor", "platform"]
