"""Atlas's own version."""

from __future__ import annotations

import sys
from importlib.metadata import version

from atlas.version import atlas_version


def test_it_is_what_the_installer_says():
    assert atlas_version.__wrapped__() == version("atlas-ml")


def test_it_is_empty_where_atlas_isnt_installed(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "file"), "/not/there"])
    assert atlas_version.__wrapped__() == ""
