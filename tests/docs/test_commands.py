"""The reference of the command line is what the commands say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import commands

FILE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_is_what_the_commands_say(request: pytest.FixtureRequest) -> None:
    expected = commands.page()
    if request.config.getoption("--update-golden"):
        FILE.write_text(expected, "utf-8")
    assert FILE.read_text("utf-8") == expected, (
        "stale: write it with `pytest tests/docs --update-golden`"
    )


def test_every_command_and_option_is_explained() -> None:
    for name, command in commands.commands():
        assert command.help, f"{name} has no docstring"
        assert [option.name for option in command.params if not option.help] == [], name
