"""Whatever a file holds: a document or one Problem, and each value where it is said to stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas.errors import DocumentError, Problem
from atlas.load import clean, nearest, parse_document, read_document, short
from atlas.load.document import MAX_BYTES, MAX_DEPTH, dotted
from atlas.load.extends import merge
from atlas.load.locate import Index
from tests.watchdog import ends

CODES = {"D001", "D002", "D003", "D004", "D005", "D006", "D007"}
TEXT = st.text(st.characters(), max_size=20)
"""Any text, half characters among them."""
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
STYLES = st.sampled_from(
    [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"indent": 0}]
)
QUICK = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FILE = Path("x.json")


def written(value: Any, style: dict[str, Any], *, ascii_only: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, **style)


def places(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from places(item, (*path, key))


def problem_of(read: Callable[[], object]) -> Problem | None:
    """Return what reading tells; nothing else may be raised."""
    try:
        read()
    except DocumentError as error:
        return error.problem
    return None


@QUICK
@given(JSON, STYLES, st.booleans())
def test_every_value_stands_where_it_is_said_to(
    value: Any, style: dict[str, Any], ascii_only: bool
) -> None:
    text = written(value, style, ascii_only=ascii_only)
    index, lines = Index(text), text.split("\n")
    for path, one in places(value):
        found = index.locate(path)
        assert found.depth == len(path)
        rest = "\n".join([lines[found.line - 1][found.column - 1 :], *lines[found.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == one


@QUICK
@given(JSON, STYLES)
def test_a_document_is_what_was_written(value: Any, style: dict[str, Any]) -> None:
    assert parse_document(written(value, style), FILE).value == value


@QUICK
@given(st.binary(max_size=300) | JSON.map(lambda one: json.dumps(one).encode()[:-1]))
def test_any_bytes_are_a_document_or_one_problem(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(raw)
    told = problem_of(lambda: read_document(file))
    assert told is None or (told.code in CODES and str(told).isprintable())


@QUICK
@given(st.text('{}[]",:0123456789-+.eEnulltruefas \\\n\tNaInity', max_size=60))
def test_any_marks_are_a_document_or_one_problem(text: str) -> None:
    told = problem_of(lambda: parse_document(text, FILE))
    assert told is None or told.code in CODES


@QUICK
@given(JSON, st.data())
def test_a_problem_can_be_told_of_any_place(value: Any, data: st.DataObject) -> None:
    document = parse_document(written(value, {}), FILE)
    path, one = data.draw(st.sampled_from(list(places(value))))
    told = document.problem("S003", path, f"found {short(one)}", found=short(one))
    assert str(told).isprintable()
    assert told.line == 1
    json.dumps(told.to_json(), ensure_ascii=False).encode()


@QUICK
@given(TEXT, st.lists(TEXT, max_size=30))
def test_words_are_harmless(word: str, known: list[str]) -> None:
    assert clean(word).isprintable()
    assert nearest(word, known).isprintable()
    assert (
        not word
        or not known
        or nearest(known[0], known[:1]) in ("", f"did you mean '{clean(known[0], 100)}'?")
    )


@QUICK
@given(st.lists(TEXT | st.integers(0, 99), max_size=5))
def test_paths_are_told_in_one_line(path: list[str | int]) -> None:
    assert clean(dotted(tuple(path))).isprintable()


NAMES = st.sampled_from(["a", "b", "c"])
STEP = st.fixed_dictionaries(
    {},
    optional={
        "class": NAMES,
        "recipe": NAMES,
        "params": st.dictionaries(NAMES, NUMBERS),
        "env": st.dictionaries(NAMES, NAMES),
    },
)
BASE = st.fixed_dictionaries(
    {"steps": st.dictionaries(NAMES, STEP)},
    optional={"name": NAMES, "parameters": st.dictionaries(NAMES, NUMBERS)},
)


@QUICK
@given(BASE)
def test_a_child_that_gives_nothing_is_its_base(base: dict[str, Any]) -> None:
    wanted = {key: value for key, value in base.items() if value != {} or key == "steps"}
    assert merge(base, {"extends": "x"}, ".") == wanted


@QUICK
@given(BASE, BASE)
def test_a_child_wins_and_only_adds(base: dict[str, Any], child: dict[str, Any]) -> None:
    merged = merge(base, child, ".")
    assert merged["steps"].keys() == base["steps"].keys() | child["steps"].keys()
    for name, step in child["steps"].items():
        for key, value in step.items():
            one = merged["steps"][name][key]
            assert one.items() >= value.items() if isinstance(value, dict) else one == value


@QUICK
@given(BASE, NAMES)
def test_null_removes_a_step(base: dict[str, Any], name: str) -> None:
    assert name not in merge(base, {"steps": {name: None}}, ".")["steps"]


def refused(text: str, file: Path) -> Problem:
    file.write_text(text)
    with ends(), pytest.raises(DocumentError) as caught:
        read_document(file)
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 1_000_000, "D006"),
        ('{"a":' * 800_000, "D006"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "D006"),
        ("9" * 4_000_000, "D004"),
        ("[1e400]", "D004"),
        ("-" + "9" * 400, "D004"),
        ("[NaN]", "D004"),
        ("[" + "1," * 1_000_000, "D002"),
        ('{"' + "a" * 4_000_000, "D002"),
        ("{" + ",".join(f'"k{i}":{i}' for i in range(200_000)) + ',"k7":1}', "D003"),
        (" " * MAX_BYTES + "{}", "D005"),
    ],
    ids=range(11),
)
def test_what_is_hard_to_read_is_refused_soon(text: str, code: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path / "x.json").code == code


def test_a_file_of_50_mb_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    with file.open("wb") as stream:
        stream.truncate(50 * 2**20)
    with ends(5), pytest.raises(DocumentError, match="larger than 4 MiB"):
        read_document(file)


def test_depth_and_size_that_are_just_allowed(tmp_path: Path) -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_document(deep, FILE).text == deep
    (tmp_path / "x.json").write_text("{}" + " " * (MAX_BYTES - 2))
    assert read_document(tmp_path / "x.json").value == {}


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/dev/zero", "\udcff", "", "."])
def test_names_that_no_document_has(name: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read_document(tmp_path / name if name else tmp_path)
    assert caught.value.problem.code == "D001"
    assert str(caught.value).isprintable()
