"""The lineage of a version says what it was trained on, and whether that is as it was written."""

from __future__ import annotations

import pytest

from atlas.lineage.asking import LineageQuery, ask
from tests import profiled
from tests.projects import Project, project

__all__ = ["project"]


@pytest.fixture
def trained(project: Project) -> Project:
    profiled.write(project)
    profiled.train(project)
    return project


def version(project: Project):
    lineage = ask(LineageQuery("models:/shop/local-1", project.root / "shop"))
    (node,) = [node for node in lineage.nodes if node.ref.kind == "model"]
    return node, [link for link in lineage.broken if link.node == node.ref.id]


def test_a_reference_is_a_fact_of_its_version(trained):
    node, broken = version(trained)
    (name,) = trained.store.location.names("profiles/references")
    assert node.facts["reference"] == name.removesuffix(".json")
    assert (node.state, broken) == ("", [])


def test_counts_that_were_altered_are_told(trained):
    name = trained.store.location.names("profiles/counts")[0]
    key = f"profiles/counts/{name}"
    trained.store.location.write(key, trained.store.location.read(key) + b" ")
    node, (link,) = version(trained)
    assert node.state == link.state == "altered"
    assert name in link.found


def test_a_reference_that_is_gone_is_told(trained):
    trained.store.location.remove("profiles/references")
    node, (link,) = version(trained)
    assert node.state == link.state == "missing"
    assert "/profiles, the reference " in link.where
