"""The stack's settings, the services' data, and the targets."""

from __future__ import annotations

import os
from pathlib import Path

import pulumi
import pytest

from infra import settings
from infra.services import ServiceData
from infra.settings import ROOT, Settings


def a_settings(tmp_path, **changes):
    plain = {
        "stack": "local",
        "target": "local",
        "state": tmp_path / "state",
        "store": "file:///store",
        "python": "/venv/bin/python",
        "parallelism": 4,
    }
    return Settings(**{**plain, **changes})


def test_folders_are_below_the_state(tmp_path):
    found = a_settings(tmp_path, stack="dev")
    assert found.folder == tmp_path / "state" / "platform" / "dev"
    assert found.vault == tmp_path / "state" / "secrets"


def test_the_state_folder_is_configured_or_in_the_environment_or_beside_the_project():
    assert settings.state_folder("/a", "/b") == Path("/a")
    assert settings.state_folder(None, "/b") == Path("/b")
    assert settings.state_folder(None, None) == ROOT / ".atlas"
    assert settings.state_folder("here", None) == ROOT / "here"


def test_a_target_that_there_is_none_of():
    assert settings.one_of("target", "aws", settings.TARGETS) == "aws"
    with pytest.raises(pulumi.RunError, match="found 'moon'; expected one of local, kubernetes"):
        settings.one_of("target", "moon", settings.TARGETS)


def configured(**found):
    pulumi.runtime.set_all_config({f"atlas:{key}": text for key, text in found.items()})
    return pulumi.Config("atlas")


@pytest.fixture
def _no_settings():
    yield
    pulumi.runtime.set_all_config({})


@pytest.mark.usefixtures("_no_settings")
def test_a_number_is_whole_and_at_least_one():
    assert settings.number(configured(), "parallelism") is None
    assert settings.number(configured(parallelism="2"), "parallelism") == 2
    for text, found in {"0": "0", "-1": "-1", "many": "'many'", "1.5": "'1.5'"}.items():
        with pytest.raises(pulumi.RunError, match="atlas:parallelism: found ") as caught:
            settings.number(configured(parallelism=text), "parallelism")
        assert f"found {found}; expected" in str(caught.value)
        assert str(caught.value).endswith("1 or more")


@pytest.mark.usefixtures("_no_settings")
def test_a_switch_is_true_or_false():
    assert settings.switch(configured(), "preflight") is None
    assert settings.switch(configured(preflight="false"), "preflight") is False
    with pytest.raises(pulumi.RunError, match="found 'off'; expected true or false"):
        settings.switch(configured(preflight="off"), "preflight")


def test_alertmanagers_configuration_is_a_file_by_its_absolute_path(tmp_path):
    assert settings.configuration(None) == ""
    (tmp_path / "a.yml").write_text("route: {receiver: team}")
    assert settings.configuration(str(tmp_path / "a.yml")) == "route: {receiver: team}"
    with pytest.raises(pulumi.RunError, match=r"found 'a.yml'; expected an absolute path"):
        settings.configuration("a.yml")
    with pytest.raises(pulumi.RunError, match=r"atlas:alertmanagerConfig: .*b.yml: can't be read"):
        settings.configuration(str(tmp_path / "b.yml"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://host", "expected an http:// or https:// URL"),
        ("host:80", "expected an http:// or https:// URL"),
        ("http://", "expected an http:// or https:// URL"),
        ("https://ann:hunter2@host/x", "found a user in the URL"),
    ],
)
def test_an_address_that_can_t_be(url, problem):
    with pytest.raises(pulumi.RunError, match=problem) as caught:
        settings.address("openlineage", url)
    assert "hunter2" not in str(caught.value)


def test_an_address_may_be_missing():
    assert settings.address("openlineage", "") == ""
    assert settings.address("openlineage", "https://host/x") == "https://host/x"


def test_the_umask_is_the_users_and_not_the_engines():
    before = os.umask(0o027)
    try:
        assert settings.umask(None) == 0o027
        assert settings.umask("002") == 0o002
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "name", [path.parent.name for path in (ROOT / "platform/services").glob("*/service.json")]
)
def test_every_service_is_described(name):
    data = ServiceData.load(name)
    assert data.version
    assert data.distribution or data.programs or data.image


def test_a_program_that_is_missing_is_named_with_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pulumi.RunError) as caught:
        ServiceData.load("pushgateway").required_program()
    assert str(caught.value) == (
        "pushgateway: no program prometheus-pushgateway or pushgateway on PATH; install "
        "pushgateway 1.5 or newer (Debian: `apt-get install prometheus-pushgateway`)"
    )


def test_a_distribution_that_is_missing_is_named():
    data = ServiceData(name="x", version="1", distribution="no-such-thing")
    with pytest.raises(pulumi.RunError, match=r"pip install 'atlas-ml\[platform\]'"):
        data.installed_version()
