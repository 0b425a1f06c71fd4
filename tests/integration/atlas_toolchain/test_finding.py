from __future__ import annotations

from atlas_toolchain.finding import Finding, advice, as_table, lacking

THERE = Finding(
    tool="git",
    found="2.39",
    needed=">=2.30",
    origin="/usr/bin/git",
    without="all",
    get="x",
    ok=True,
)
OLD = Finding(tool="dot", found="1.0", needed=">=2", why="found 1.0 at /dot", get="apt-get it")
GONE = Finding(tool="python", needed=">=3.11", without="nothing", get="install it", required=True)


def test_the_table_shows_every_tool_and_how_to_get_what_is_missing() -> None:
    assert as_table([THERE, OLD, GONE]).splitlines() == [
        "tool    found          needed  from          what works without it",
        "git     2.39           >=2.30  /usr/bin/git  all",
        "dot     1.0 (too old)  >=2     -",
        "python  missing        >=3.11  -             nothing",
        "dot: found 1.0 at /dot; to get it: apt-get it",
        "python: missing; to get it: install it",
    ]


def test_nothing_is_advised_for_what_is_there() -> None:
    assert advice([THERE]) == []


def test_only_what_everything_needs_is_lacking() -> None:
    assert not lacking([THERE, OLD])
    assert lacking([THERE, GONE])


def test_json_says_how_to_get_only_what_is_missing() -> None:
    assert THERE.to_json()["get"] == ""
    assert OLD.to_json()["get"] == "apt-get it"
    assert list(THERE.to_json()) == [
        "tool", "found", "needed", "from", "without", "get", "why", "required", "ok",
    ]  # fmt: skip
