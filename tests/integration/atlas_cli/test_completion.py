"""Completion in the shells themselves: what is typed, a tab, and what stands there then."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
_PATIENCE = 120.0
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What colours text and moves the cursor."""
TYPED = {
    "atlas valid": "atlas validate",
    "atlas plan tumour --fl": "--flow",
    "atlas plan tumour --flow infer": "inference",
    "atlas plan tumour --env alo": "alone",
    "atlas run --config tum": "tumour",
    "atlas run tumour --only featu": "features.scale",
    "atlas graph tumour --format merm": "mermaid",
    "atlas open cata": "catalog",
}
"""What is typed before the tab → what its last words are after it."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    own = {name: text for name, text in os.environ.items() if not name.startswith("ATLAS_")}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    state = {"ATLAS_STATE": str(home / "state"), "HOME": str(home), "TERM": "xterm", "PATH": path}
    return {**own, **state, "PS1": "> ", "XDG_CONFIG_HOME": str(home)}


def needed(shell: str) -> str:
    """The path of a shell; a test of one that isn't here is skipped, with a line."""
    return shutil.which(shell) or pytest.skip(f"no {shell} here")


def script(shell: str, environment: dict[str, str]) -> str:
    """What ``atlas --show-completion`` prints in a shell."""
    asked = {"_ATLAS_COMPLETE": f"source_{shell}"}
    done = subprocess.run(
        [BIN / "atlas"], env=environment | asked, capture_output=True, text=True, check=True
    )
    return done.stdout


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.shown = ""
        self._end, other = pty.openpty()
        streams = {"stdin": other, "stdout": other, "stderr": other}
        self._shell = subprocess.Popen(
            command, env=environment, cwd=ROOT / "recipes", start_new_session=True, **streams
        )
        os.close(other)

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def read_until(self, is_there: Callable[[str], bool]) -> str:
        end = time.monotonic() + _PATIENCE
        while not is_there(self.shown) and time.monotonic() < end:
            if select.select([self._end], [], [], 0.2)[0]:
                self.shown += os.read(self._end, 65536).decode(errors="replace")
                self.shown = _CODES.sub("", self.shown)
        return self.shown

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._end)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_tab_completes(shell: str, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(script(shell, environment))
    start = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[shell]
    begin = {
        "bash": f"source {tmp_path}/completion; bind 'set enable-bracketed-paste off'",
        "zsh": f"autoload -Uz compinit; compinit -u -d {tmp_path}/dump; source {tmp_path}/completion",
    }[shell]
    terminal = Terminal([needed(shell), *start], environment)
    try:
        terminal.type(f"{begin}; echo rea''dy\n")
        assert "ready" in terminal.read_until(lambda shown: "ready" in shown)
        for typed, wanted in TYPED.items():
            terminal.shown = ""
            rest = wanted.removeprefix(typed.rpartition(" ")[2]) if " " not in wanted else "ate"
            terminal.type(f"{typed}\t")
            shown = terminal.read_until(lambda shown, rest=rest: f"{rest} " in shown)
            assert f"{rest} " in shown, f"{typed}: {shown!r}"
            terminal.type("\x15")  # Ctrl-U: nothing of it is run
    finally:
        terminal.close()


def test_fish_completes(environment: dict[str, str], tmp_path: Path) -> None:
    fish = needed("fish")
    (tmp_path / "completion").write_text(script("fish", environment))
    for typed, wanted in TYPED.items():
        done = subprocess.run(
            [fish, "-c", f"source {tmp_path}/completion; complete -C '{typed}'"],
            cwd=ROOT / "recipes", env=environment, capture_output=True, text=True,
        )  # fmt: skip
        words = [line.partition("\t")[0] for line in done.stdout.splitlines()]
        assert words == [wanted.rpartition(" ")[2]], f"{typed}: {done.stdout!r} {done.stderr}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_name_that_a_shell_would_evaluate_is_not_completed(
    shell: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    (tmp_path / "environments").mkdir()
    for name in ("staging", "$(touch evil)", "`touch evil`", 'a";touch evil;"', "two words", "-x"):
        (tmp_path / "environments" / f"{name}.json").write_text("{}")
    line = "atlas plan --env "
    asked = {
        "_ATLAS_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": "3",
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    done = subprocess.run(
        [BIN / "atlas"], cwd=tmp_path, env=environment | asked, capture_output=True, text=True
    )
    assert "staging" in done.stdout
    assert "local" in done.stdout
    assert not [odd for odd in ("evil", "two", "-x") if odd in done.stdout]


def test_completion_does_not_import_what_colours_text(environment: dict[str, str]) -> None:
    asked = {"_ATLAS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "atlas ru"}
    code = (
        "import sys; from atlas_cli.__main__ import app\n"
        "try: app([], prog_name='atlas')\n"
        "except SystemExit: print('rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | asked, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "False"
    assert '"runs"' in done.stdout
