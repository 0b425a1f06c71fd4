"""Credentials of registries: helper programs, and Amazon's API."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from atlas.errors import PlatformError
from atlas.images.amazon import have_repository
from atlas.images.credentials import Credentials, credentials_of
from tests.servers import s3
from tests.unit.atlas.images.test_credentials import ME, home, write

__all__ = ["s3", "home"]


@pytest.mark.parametrize("config", [{"credsStore": "x"}, {"credHelpers": {"example.org": "x"}}])
def test_a_helper_program(home, program, config):
    write(home / ".docker/config.json", config)
    program(
        "docker-credential-x",
        'read host; echo "{\\"Username\\": \\"$host\\", \\"Secret\\": \\"s\\"}"',
    )
    assert credentials_of("example.org") == Credentials("example.org", "s")


def test_a_helper_program_that_knows_nothing(home, program):
    write(home / ".docker/config.json", {"credsStore": "x", "auths": {"example.org": {"auth": ME}}})
    program("docker-credential-x", "echo credentials not found; exit 1")
    assert credentials_of("example.org") == Credentials("me", "pa:ss")


ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def amazon(s3, monkeypatch):
    """Amazon's API, served over HTTP."""
    for name, text in s3.items():
        monkeypatch.setenv(name, text)


def test_amazons_registry(amazon):
    found = credentials_of(ECR)
    assert found is not None
    assert found.username == "AWS"
    assert found.password


def test_a_push_to_amazon_finds_its_repository(amazon):
    for _ in range(2):
        have_repository(ECR, "atlas/words/base")
    client = get_session().create_client("ecr", region_name="eu-west-1")
    (made,) = client.describe_repositories()["repositories"]
    assert made["repositoryName"] == "atlas/words/base"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}


def test_an_account_that_may_not_push_is_told_where_to_look(amazon, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PlatformError, match=r"I206.*atlas/x can't be made.*get-caller-identity"):
        have_repository(ECR, "atlas/x")
