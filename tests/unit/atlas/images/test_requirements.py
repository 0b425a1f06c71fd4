"""Requirements files: what they ask for, and what may not be in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import InvalidError
from atlas.images import requirements
from atlas.images.requirements import own_requirements, read_requirements


def read(folder: Path, text: str, **others: str) -> requirements.Requirements:
    (folder / "requirements.txt").write_text(text)
    for name, content in others.items():
        (folder / f"{name}.txt").write_text(content)
    return read_requirements(folder, "requirements.txt")


def test_what_atlas_needs_is_asked_for_too(tmp_path):
    found = read(tmp_path, "hello==1.0  # a comment\n\n# another\n")
    assert found.lines[0] == "hello==1.0"
    assert any(line.startswith("jsonschema") for line in found.lines)
    assert not any(line.startswith("typer") for line in found.lines), "the CLI isn't in images"


def test_an_empty_path_asks_for_atlas_alone(tmp_path):
    assert read_requirements(tmp_path, "").lines == own_requirements()


def test_included_files_and_constraints(tmp_path):
    found = read(
        tmp_path,
        "hello \\\n  >=1\n-r more.txt\n--constraint=bounds.txt\n",
        more="world\n-c bounds.txt\n-r requirements.txt\n",
        bounds="hello<3\n",
    )
    assert found.lines[:2] == ("hello >=1", "world")
    assert set(found.constraints) == {"hello<3"}


def test_an_extra_of_atlas_is_written_out(tmp_path):
    found = read(tmp_path, "atlas-ml[sklearn]>=0.1\n")
    names = {line.split(">")[0].split("<")[0] for line in found.lines}
    assert {"scikit-learn", "skops", "pandas", "numpy"} <= names
    assert not any("atlas-ml" in line for line in found.lines)


def test_options_say_where_packages_are(tmp_path):
    found = read(tmp_path, "--extra-index-url https://example.org/simple\n-f wheels\nhello\n")
    assert found.options == ("--extra-index-url https://example.org/simple", "-f wheels")
    assert found.options_from(tmp_path)[1] == f"-f {tmp_path / 'wheels'}"
    assert "-f wheels" not in found.lines


def test_the_digest_is_of_what_is_asked_for(tmp_path):
    first = read(tmp_path, "hello\n").digest
    assert read(tmp_path, "# why\nhello   # because\n").digest == first
    assert read(tmp_path, "hello==1\n").digest != first


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("--index-url https://me:hunter2@example.org/simple\n", "I102", "password"),
        ("git+https://token@example.org/x\n", "I102", "password"),
        ("-e .\n", "I101", "can't be in an image"),
        ("-r ../other.txt\n", "I101", "outside"),
        ("-r none.txt\n", "I101", "can't be read"),
        ("atlas-ml[nonsense]\n", "I103", "no extra 'nonsense'"),
    ],
)
def test_what_may_not_be_in_one(tmp_path, text, code, words):
    with pytest.raises(InvalidError) as caught:
        read(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert words in problem.message
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path.parent) not in str(caught.value)


def test_no_text(tmp_path):
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidError, match="UTF-8 text"):
        read_requirements(tmp_path, "requirements.txt")
