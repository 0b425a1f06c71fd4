"""`atlas monitor --report`: the page in a file of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.monitor.publishing import Published
from atlas_cli.commands.monitor import _write


def test_the_page_is_written_and_its_folder_is_made(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "page.html", Published("u", "<p>é</p>"))
    assert (tmp_path / "a" / "page.html").read_text("utf-8") == "<p>é</p>"
    _write(tmp_path / "a" / "page.html", Published("u", "2"))
    assert [(file.name, file.read_text()) for file in (tmp_path / "a").iterdir()] == [
        ("page.html", "2")
    ]


def test_a_place_that_can_t_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AtlasError, match="expected a file that can be written"):
        _write(tmp_path / "file" / "page.html", Published("u", "1"))
