"""Every command that Atlas tells people is one: it parses as it is printed, and means what it says.

Messages tell commands by `atlas.advice.command` alone, so that PATH, Environment and stack are in
them; the sources are read for that, and what they compose is given to the real parser.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from atlas import advice
from atlas.errors import PlatformError
from atlas.http.credentials import read_private, read_secret
from atlas_cli.__main__ import app
from atlas_cli.table import COMMANDS

ROOT = Path(__file__).parents[3]
SOURCES = [
    file
    for room in ("platform", "atlas_cli", "infra")
    for file in sorted((ROOT / room).rglob("*.py"))
    if "/scaffold/texts/" not in str(file)
]
NAMES = {entry.name for entry in COMMANDS}
TOLD = re.compile(r"\batlas (" + "|".join(sorted(NAMES)) + r")\b(?: --?[a-z-]+)*")
CALLERS = ("command", "mention")
SAMPLE = "x y'z"


def parse(text: str) -> Any:
    """Return what the real parser makes of a command in backticks; it isn't called."""
    words = shlex.split(text.strip("`"))
    assert words[0] == "atlas"
    group = typer.main.get_command(app)
    with group.make_context("atlas", words[1:]) as context:
        name, command, rest = group.resolve_command(
            context, [*context._protected_args, *context.args]
        )  # type: ignore[attr-defined]
        made = command.make_context(name, [*rest], parent=context)
        if hasattr(command, "resolve_command"):
            rest = [*made._protected_args, *made.args]
            name, command, rest = command.resolve_command(made, rest)
            made = command.make_context(name, [*rest], parent=made)
    return made


def calls() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Return where, by what and with which words the sources tell commands."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in CALLERS and node.args:  # type: ignore[union-attr]
                words = [one.value if isinstance(one, ast.Constant) else SAMPLE
                         for one in node.args if not isinstance(one, ast.Starred)]  # type: ignore[union-attr]  # fmt: skip
                if words and words[0] in NAMES:
                    where = f"{file.relative_to(ROOT)}:{node.lineno}"  # type: ignore[union-attr]
                    yield where, node.func.id, tuple(words)  # type: ignore[union-attr]


CALLS = sorted(set(calls()))


def test_there_are_such():
    assert len(CALLS) > 30
    assert {words[0] for _, _, words in CALLS} >= {"deploy", "train", "build", "up", "unlock"}


@pytest.mark.parametrize(("where", "caller", "words"), CALLS)
@pytest.mark.parametrize("call", [advice.Call(), advice.Call("some dir/p", "prod", "team")])
def test_each_parses_as_it_is_told(where, caller, words, call):
    advice.note_call(call.path, call.environment, call.stack)
    given = ["local" if word == SAMPLE and words[at - 1] == "--target" else word
             for at, word in enumerate(words)]  # fmt: skip
    made = parse(getattr(advice, caller)(*given))
    if caller == "command":
        expected = {"path": call.path, "env": call.environment, "stack": call.stack}
        for name in advice.TAKES.get(words[0], ()):
            found = str(made.params[name] or "")
            plain = ("", ".", "local") if expected[name] in ("", "local") else (expected[name],)
            assert found in plain, where


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_a_command_is_told_with_it_takes(name):
    """Each that takes a PATH or an Environment is printed with it; none is printed with what it lacks."""
    group = typer.main.get_command(app)
    with group.make_context("atlas", [name]) as context:
        _, command, _ = group.resolve_command(context, [name])
    options = {parameter.name for parameter in command.params}
    takes = {one for one in (advice.PATH, advice.ENV, advice.STACK) if one in options}
    takes -= {advice.STACK} if advice.PATH in takes else set()
    if name in advice.TAKES:
        assert set(advice.TAKES[name]) == takes
    else:
        assert not takes & {advice.ENV, advice.STACK} or name in ("images", "cache", "doctor")


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Return the texts in a source, without docstrings and the help of options."""
    tree = ast.parse(file.read_text("utf-8"))
    aside: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for one in body if isinstance(body, list) else ():
            if isinstance(one, ast.Expr):
                aside |= {id(each) for each in ast.walk(one.value)} & {
                    id(each) for each in ast.walk(one.value) if isinstance(each, ast.Constant)
                    and isinstance(one.value, ast.Constant)
                }  # fmt: skip
        called = node.func if isinstance(node, ast.Call) else None
        if getattr(called, "attr", getattr(called, "id", "")) in ("Option", "Argument"):
            aside |= {id(each) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.lineno, node.value


def test_no_message_writes_a_command_itself():
    """But for those that need no PATH, Environment or stack, which have to parse."""
    wrong = []
    for file in SOURCES:
        for line, text in texts(file):
            for found in TOLD.finditer(text):
                if found[1] in advice.TAKES and f"{file.name}" not in SPOKEN_OF:
                    wrong.append(f"{file.relative_to(ROOT)}:{line}: {found[0]}")
                elif f"`{found[0]}`" in text:
                    parse(found[0])
    assert not wrong, "tell these by atlas.advice.command, or speak of them by mention"


SPOKEN_OF = ("catalog.py", "examples.py", "locking.py", "table.py", "step_rules.py")
"""Sources whose texts speak of commands: tables, a file's heading, findings that are kept."""


def test_a_platform_that_atlas_did_not_make_is_not_brought_up_by_it():
    advice.note_platform("prod", "", "platform.json")
    assert "atlas up" not in advice.bring_up("brings it back")
    assert "platform.json" in advice.bring_up()
    advice.note_platform("prod", "team")
    assert advice.bring_up() == "`atlas up --stack team` brings it up"
    advice.note_target("local")
    assert advice.bring_up() == "`atlas up --stack team` brings it up"
    assert advice.write_secret() == ""


@pytest.mark.parametrize("target", ["kubernetes", "aws"])
def test_a_platform_on_a_cluster_is_brought_up_by_pulumi(target, tmp_path):
    advice.note_platform("prod", "team")
    advice.note_target(target)
    told = advice.bring_up("brings it back")
    assert told.startswith("`pulumi up` brings it back; addresses that end in .svc ")
    for read in (lambda: read_secret(tmp_path, "gone"), lambda: read_private("/gone", "mlflow")):
        with pytest.raises(PlatformError, match="`pulumi stack output credentials"):
            read()
    advice.note_platform("dev", "")
    assert "pulumi" not in advice.bring_up()


def test_what_a_shell_would_take_apart_is_quoted():
    told = advice.command("deploy", path="my folder/p;rm", env="prod")
    assert parse(told).params["path"] == Path("my folder/p;rm")
