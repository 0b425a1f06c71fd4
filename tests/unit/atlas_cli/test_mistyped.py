"""An option that isn't there: the one that was meant is named, and no other."""

from __future__ import annotations

import pytest

from atlas_cli.__main__ import app
from atlas_cli.mistyped import nearest_option

KNOWN = ("--env", "-e", "--json", "--set", "--isolate", "--help", "--only", "--ephemeral")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("--jsn", "--json"),
        ("--onyl", "--only"),
        ("--ephemral", "--ephemeral"),
        ("--Json", "--json"),
        ("--environment", "--env"),
        ("--eph", "--ephemeral"),
        ("--steps", ""),
        ("--env-file", ""),
        ("--xyz", ""),
        ("-q", ""),
    ],
)
def test_the_nearest_is_meant_where_one_is_near(given, meant):
    assert nearest_option(given, KNOWN) == meant


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--jsn"], "No such option: --jsn. Did you mean '--json'?"),
        (["run", "--steps", "a"], "No such option: --steps"),
        (["--vresion"], "No such option: --vresion. Did you mean '--version'?"),
    ],
)
def test_a_command_says_which_was_meant(words, said, capsys):
    with pytest.raises(SystemExit) as end:
        app(words)
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"Error: {said}"
