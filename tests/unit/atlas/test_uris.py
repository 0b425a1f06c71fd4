"""Paths as URIs and back: nothing that a path may have in it changes where it leads."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import StoreError
from atlas.uris import inside, path_of, uri_of

parts = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1)
names = parts.filter(lambda name: name not in (".", ".."))


@given(st.lists(names, min_size=1, max_size=4))
def test_there_and_back(segments):
    path = "/" + "/".join(segments)
    assert str(path_of(uri_of(path))) == path
    assert uri_of(f"{path}/") == uri_of(path) + "/"
    assert not {"#", "?"} & {*uri_of(path)}


@given(names, names)
def test_what_is_inside_of_a_folder_is_there(folder, name):
    assert str(path_of(inside(f"/{folder}", name))) == f"/{folder}/{name}"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///data/a#b.csv", "/data/a#b.csv"),
        ("file:///data/a?b.csv", "/data/a?b.csv"),
        ("file:///data/a%23b%20c.csv", "/data/a#b c.csv"),
        ("file:///data/100%.csv", "/data/100%.csv"),
        ("file://localhost/x", "/x"),
        ("file:/x", "/x"),
        ("file://", "/"),
        ("/data/a%23b", "/data/a%23b"),
    ],
)
def test_uris_that_a_person_writes(uri, path):
    assert path_of(uri) == Path(path)


@pytest.mark.parametrize("rest", ["../x", "a/../../x", "..", "a/../.."])
def test_nothing_leaves_a_folder(rest):
    with pytest.raises(StoreError, match="found a path that leaves /p, expected one in it"):
        inside("/p", rest)


def test_another_machine_s():
    with pytest.raises(StoreError, match="another machine"):
        path_of("file://elsewhere/x")


@pytest.mark.parametrize("name", ["a#b", "50%41", "why?", "a b", "ä&=;", "%2e%2e"])
def test_a_store_is_where_its_path_says(tmp_path, name):
    from atlas.store import open_store

    folder = tmp_path / name / "store"
    open_store(uri_of(folder)).location.write("k", b"v")
    assert (folder / "k").read_bytes() == b"v"
    assert quote(name) in open_store(uri_of(folder)).url or name == "ä&=;"
