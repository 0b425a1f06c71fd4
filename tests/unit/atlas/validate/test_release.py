"""Syntax trees of many folders aren't kept, and what is asked of them later is read again."""

from __future__ import annotations

import gc

import pytest

from atlas.validate import check
from atlas.validate.source import Module
from tests.bench.fleet import fleet


@pytest.fixture
def project(tmp_path):
    return fleet(tmp_path / "project", 20)


def test_no_folder_keeps_its_trees(project) -> None:
    report = check(project)
    gc.collect()
    modules = [value for value in gc.get_objects() if type(value) is Module]
    own = [module for module in modules if project in module.path.parents]
    assert report.errors == ()
    assert own == []


def test_classes_are_known_when_their_trees_are_gone(project) -> None:
    subject = check(project).checked[0].subjects["training"]
    assert subject.ancestors("steps.Next") == ("atlas.template.Template",)
    assert subject.ancestors("steps.Missing") is None
