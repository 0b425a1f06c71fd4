"""What a terminal shows beside what a file gets: colours, columns, and the line of a long command."""

from __future__ import annotations

import io
import json
import sys

import pytest

from atlas.waiting import wait_until
from atlas_cli import durations, ticker
from atlas_cli.colours import BOLD, RED, paint, painted
from atlas_cli.output import columns, table
from atlas_cli.ticker import Ticker, described, is_wanted, timed


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(durations, "LEAST", 0.0)
    monkeypatch.setattr(ticker, "_EVERY", 0.01)


def test_a_terminal_gets_colours_and_a_file_gets_none(monkeypatch):
    assert paint("x", BOLD, RED, on=Terminal()) == "\033[1;31mx\033[0m"
    assert paint("x", BOLD, on=io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", BOLD, on=Terminal()) == "x"
    monkeypatch.setenv("NO_COLOR", "")
    assert paint("x", BOLD, on=Terminal()) != "x", "empty is as good as unset (no-color.org)"
    monkeypatch.setenv("TERM", "dumb")
    assert paint("x", BOLD, on=Terminal()) == "x"


def test_the_word_that_a_problem_begins_with_is_coloured():
    lines = "a.json:3:1: error R012: no error here\nwarning: old\nno error: at all"
    shown = painted(lines, Terminal())
    assert shown.splitlines()[0] == "a.json:3:1: \033[1;31merror\033[0m R012: no error here"
    assert shown.splitlines()[1] == "\033[1;33mwarning\033[0m: old"
    assert shown.splitlines()[2] == "no error: at all"
    assert painted(lines, io.StringIO()) == lines


def test_columns_align_whatever_the_letters():
    lines = table(("NAME", "N"), [("漢字", 1), ("Müller", 2), ("Mu\u0308ller", 3), ("plain", 4)])
    assert {columns(line[: line.rindex(line.split()[-1])]) for line in lines.splitlines()} == {8}


def test_headers_stand_out_on_a_terminal_alone(monkeypatch):
    assert table(("A", "B"), [("1", "2")]) == "A  B\n1  2"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert table(("A", "B"), [("1", "2")]) == "\033[1mA  B\033[0m\n1  2"


@pytest.mark.parametrize(
    ("seconds", "usual", "line"),
    [
        (4.0, None, "4 s"),
        (65.0, None, "1 min 5 s"),
        (5.0, 20.0, "[#####...............] 5 s, about 15 s left"),
        (20.0, 20.0, "[####################] 20 s, about 0 s left"),
        (50.0, 20.0, "50 s, longer than usual (20 s)"),
    ],
)
def test_how_long_something_takes(seconds, usual, line):
    assert described(seconds, usual) == line


def test_the_line_is_drawn_and_gives_way_to_what_is_printed(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    drawn = Ticker("deploy", "key", terminal)
    drawn.start()
    try:
        assert wait_until(lambda: "deploy: 0 s" in terminal.getvalue(), 30, 0.01)
        print("created", file=sys.stderr)
        before = terminal.getvalue()
        assert "\r\033[Kcreated\n" in before
        assert wait_until(lambda: len(terminal.getvalue()) > len(before), 30, 0.01), "again"
        print("delete it? ", end="", file=sys.stderr)
        asked = terminal.getvalue()
        assert not wait_until(lambda: terminal.getvalue() != asked, 0.1, 0.01), "a question stands"
    finally:
        drawn.stop()
    assert terminal.getvalue().endswith("delete it? ")
    assert sys.stderr is terminal


def test_who_gets_the_line(monkeypatch):
    assert not is_wanted("deploy", {}), "nobody is at a terminal"
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert is_wanted("deploy", {"as_json": True})
    assert is_wanted("catalog", {"serve": False})
    assert not is_wanted("catalog", {"serve": True})
    assert not is_wanted("run", {}), "it has a line of its own"


def test_what_is_done_is_the_next_estimate(monkeypatch):
    key = durations.key_of(sys.argv[1:])
    assert timed("run", {}, lambda: 7) == 7
    assert durations.usual(key) is not None
    with pytest.raises(ZeroDivisionError):
        timed("deploy", {}, lambda: 1 / 0)
    assert len(json.loads(durations._file().read_text())[key]) == 1, "what failed says nothing"


def test_the_median_of_the_last_five_counts():
    for seconds in (100.0, 1.0, 9.0, 3.0, 5.0, 4.0):
        durations.remember("key", seconds)
    assert durations.usual("key") == 4.0
    assert durations.usual("other") is None


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"key": "x"}', '{"key": [true, "1"]}', '{"key": [-1]}', '{"key": [1e99]}', "\x00"],
)
def test_a_damaged_file_is_no_estimate_and_no_error(text):
    durations._file().write_text(text)
    assert durations.usual("key") is None
    durations.remember("key", 3.0)
    assert durations.usual("key") == 3.0


def test_a_state_that_can_not_be_written_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "file"))
    durations.remember("key", 3.0)


def test_nothing_is_written_where_there_is_no_state_or_somebody_elses(monkeypatch, tmp_path):
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "none"))
    durations.remember("key", 3.0)
    assert not (tmp_path / "none").exists()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "passwd").touch()
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "others"))
    durations.remember("key", 3.0)
    assert [file.name for file in (tmp_path / "others").iterdir()] == ["passwd"]
