"""Nothing that can't be brought back is deleted without being listed and asked for."""

from __future__ import annotations

import io

import pytest

from atlas.errors import AtlasError
from atlas_cli.asking import require_yes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nobody_there_and_no_yes_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(AtlasError, match="--yes deletes it"):
        require_yes(["model m, 2 versions"], given=False)
    assert "model m, 2 versions" in capsys.readouterr().err


def test_yes_lists_all_the_same(capsys):
    require_yes(["model m"], given=True)
    assert "to be deleted:\n  model m" in capsys.readouterr().err


@pytest.mark.parametrize("answer", ["", "n\n", "no\n", "yess\n"])
def test_any_other_answer_is_no(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(AtlasError, match="nothing was deleted"):
        require_yes(["model m"], given=False)


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_yes_goes_on(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    require_yes(["model m"], given=False)


def test_nothing_needs_no_answer(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    require_yes([], given=False)
