"""Outputs of a platform, as the SDK reads them."""

from __future__ import annotations

import json

import pytest

from atlas.environment import Environment, Project
from atlas.errors import DocumentError, PlatformError
from atlas.load.outputs import VERSION, platform_services


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, tmp_path / "state")


def written(project: Project, text: str) -> None:
    file = project.state / "platform" / "local" / "outputs.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_platform_that_isnt_up_has_no_services(project):
    assert platform_services(project, Environment()) == {}


def test_services_by_name(project):
    written(project, json.dumps({"version": VERSION, "services": {"store": {"url": "x"}}}))
    assert platform_services(project, Environment()) == {"store": {"url": "x"}}


def test_outputs_of_another_version_are_refused(project):
    written(project, json.dumps({"version": VERSION + 1, "services": {}}))
    with pytest.raises(
        PlatformError, match=r"D015: platform local: .* version 2, .* a newer Atlas"
    ):
        platform_services(project, Environment())


@pytest.mark.parametrize("text", ["", "[]", "{}", '"services"', "{"])
def test_what_are_no_outputs_is_told(project, text):
    written(project, text)
    with pytest.raises(PlatformError, match="can't be read as a platform's outputs"):
        platform_services(project, Environment())


def test_a_file_that_the_environment_names_has_to_be_there(project):
    with pytest.raises(DocumentError, match="names outputs that aren't there"):
        platform_services(project, Environment(platform="", outputs="there.json"))
