"""Adding to a project's files, whatever they look like: the rest stays as it was typed."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.scaffold.located import with_data, with_project
from atlas.scaffold.naming import checked_name, name_from

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
environments = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "description": texts,
        "data": st.dictionaries(names, st.just({"uri": 'store:x{}[],:"data":{'}), max_size=3),
        "protected": st.booleans(),
    },
)


@given(environments, st.sampled_from([None, 0, 2, 4]), names, st.booleans(), st.randoms())
@settings(max_examples=200, deadline=None)
def test_an_environment_gets_the_data_and_nothing_else(
    raw: dict[str, Any], indent: int | None, name: str, ascii: bool, random: Any
) -> None:
    items = list(raw.items())
    random.shuffle(items)
    text = json.dumps(dict(items), indent=indent, ensure_ascii=ascii)
    if name in raw.get("data", {}):
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "local.json"
        file.write_bytes(text.encode())
        added = with_data(file, {name: {"uri": "project:data/x.csv"}})
    expected = {**raw, "data": {**raw.get("data", {}), name: {"uri": "project:data/x.csv"}}}
    assert json.loads(added) == expected
    kept = iter(added)
    assert all(letter in kept for letter in text), "what was typed is still there, in its order"


tables = st.sampled_from(["", "[project]\nname = 'x'", "[tool.ruff]\na = 1\n\n\n", "# only this"])


@given(tables, tables)
@settings(deadline=None)
def test_a_pyproject_gets_the_table_and_nothing_else(first: str, second: str) -> None:
    text = f"{first}\n{second if second != first else ''}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pyproject.toml"
        file.write_text(text)
        added = with_project(file, "x-1")
    expected = tomllib.loads(text)
    expected.setdefault("tool", {})["atlas"] = {"id": "x-1"}
    assert tomllib.loads(added) == expected
    assert added.startswith(text.rstrip())


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_a_name_is_taken_or_refused_in_words(text: str) -> None:
    try:
        told = checked_name(text)
    except AtlasError as error:
        told = str(error)
    assert told == text or told.startswith("--name: ")


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1))
@settings(max_examples=300, deadline=None)
def test_a_folders_name_gives_a_right_name_or_none(text: str) -> None:
    try:
        name = checked_name(name_from(Path("/x") / text))
    except AtlasError as error:
        name = str(error)
    assert name.isascii() or "say one with --name" in name
