"""Dockerfiles: which files go into the build."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import InvalidError
from atlas.images.dockerfile import context_files, copied, read_dockerfile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "data/c.csv", "data/.secret", ".env", "lib/x.py", "lib/x.pyc"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FROM x\nRUN true\n", []),
        ("FROM x\nCOPY a.txt /\n", ["a.txt"]),
        ("FROM x\ncopy --chown=1:1 --link a.txt b.txt /\n", ["a.txt", "b.txt"]),
        ('FROM x\nCOPY ["a.txt", "/with space/"]\n', ["a.txt"]),
        ("FROM x\nADD *.txt /\n", ["a.txt", "b.txt"]),
        ("FROM x\nCOPY data/ /data/\n", ["data/c.csv"]),
        ("FROM x\nCOPY ./data/c.csv /\n", ["data/c.csv"]),
        ("FROM x\nCOPY /lib \\\n  /opt/\n", ["lib/x.py"]),
        ("FROM x\nCOPY .env /\n", [".env"]),
        ("FROM x\nCOPY . /all\n", ["a.txt", "b.txt", "data/c.csv", "lib/x.py"]),
        ("FROM x\nARG F=a.txt\nCOPY $F /\n", ["a.txt", "b.txt", "data/c.csv", "lib/x.py"]),
        (
            "FROM x\nRUN --mount=type=bind,target=/x ls\n",
            ["a.txt", "b.txt", "data/c.csv", "lib/x.py"],
        ),
        ("FROM x AS one\nFROM y\nCOPY --from=one /a.txt /\n", []),
        ("FROM x\nADD https://example.org/z.txt /\n", []),
        ("FROM x\n# COPY a.txt /\n", []),
    ],
)
def test_only_what_is_copied_is_in_the_context(folder, text, names):
    found = [file.relative_to(folder).as_posix() for file in context_files(folder, text)]
    assert found == names


def test_a_heredoc_can_not_be_told():
    assert copied("FROM x\nCOPY <<EOF /greeting\nhello\nEOF\n") is None


@pytest.mark.parametrize("path", ["../Dockerfile", "none.Dockerfile"])
def test_a_dockerfile_that_is_not_there(folder, path):
    (folder.parent / "Dockerfile").write_text("FROM x\n")
    with pytest.raises(InvalidError) as caught:
        read_dockerfile(folder, path)
    assert caught.value.problems[0].code == "I104"
