"""The root of the command line: lazy, honest about its help, and strict about exit codes."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer

from atlas_cli import __main__ as root
from atlas_cli.lazy import load
from atlas_cli.table import COMMANDS, CommandEntry


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "atlas_cli", *arguments], capture_output=True, text=True
    )


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_help_of_the_table_is_the_docstrings_first_line(entry: CommandEntry) -> None:
    command = load(entry)
    assert inspect.cleandoc(command.help).splitlines()[0] == entry.help
    assert len(entry.help) <= 66, "a longer line is cut off in `atlas --help`"


def test_names_are_unique() -> None:
    names = [entry.name for entry in COMMANDS]
    assert len(set(names)) == len(names)


def test_help_imports_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from atlas_cli.__main__ import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    heavy = {"kfp", "mlflow", "airflow", "pulumi", "pandas", "jsonschema", "rich", "atlas"}
    assert "atlas_cli.lazy" in modules
    assert not heavy & set(modules)
    assert not [name for name in modules if name.startswith("atlas_cli.commands.")]


def test_every_command_is_in_help() -> None:
    shown = run("--help").stdout
    assert [e.name for e in COMMANDS if f"\n  {e.name} " not in shown] == []


def test_wrong_usage_exits_2_and_suggests() -> None:
    done = run("doctro")
    assert done.returncode == 2
    assert "Did you mean 'doctor'" in done.stderr
    assert done.stdout == ""


def raising(error: BaseException) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command() -> None:
        raise error

    return app


def exit_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(root, "app", raising(error))
    monkeypatch.setattr(sys, "argv", ["atlas"])
    with pytest.raises(SystemExit) as end:
        root.main()
    return end.value.code


def test_an_atlas_error_is_one_message_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from atlas.errors import StoreError

    assert exit_of(StoreError("rows: no such artifact"), monkeypatch) == 1
    assert capsys.readouterr().err == "error: rows: no such artifact\n"


def test_a_problem_is_printed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from atlas.errors import InvalidError, Problem

    problem = Problem(code="R012", message="no step 'x'", file="a.json", line=3, column=1)
    assert exit_of(InvalidError([problem, problem]), monkeypatch) == 1
    assert capsys.readouterr().err == "a.json:3:1: error R012: no step 'x'\n" * 2


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "app", raising(ZeroDivisionError()))
    monkeypatch.setattr(sys, "argv", ["atlas"])
    with pytest.raises(ZeroDivisionError):
        root.main()


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_of(KeyboardInterrupt(), monkeypatch) == 130


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m atlas_cli --help | true; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout in ("0\n", "1\n")


def test_a_full_disk_under_stdout_is_one_message_and_exit_1() -> None:
    for argument in ("--help", "--version"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "atlas_cli", argument],
                stdout=full, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == (
            "error: can't write: no space left on device; free some space, or write elsewhere\n"
        )
