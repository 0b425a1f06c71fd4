"""Reading files of bounded size, and how messages show their paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlas.load import read_at_most, shown


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", b""), (b"abc", b"abc"), (b"abcd", b"abcd"), (b"abcdef", b"abcde")],
)
def test_one_byte_more_than_the_limit_says_that_a_file_is_larger(
    content, expected, tmp_path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert read_at_most(file, 4) == expected


def test_a_file_whose_size_is_unknown_is_read() -> None:
    assert read_at_most(Path("/proc/self/status"), 2**20).startswith(b"Name:")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("here/a.json", "a.json"),
        ("here/in/a.json", "in/a.json"),
        ("here/in/../a.json", "a.json"),
        ("here", "."),
        ("here/..a.json", "..a.json"),
        ("hereafter/a.json", None),
        ("a.json", None),
    ],
)
def test_paths_under_the_working_directory_are_shown_from_there(
    path, expected, tmp_path, monkeypatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    full = Path(os.path.join(tmp_path, path))
    assert shown(full) == (expected or str(full))
