"""Credentials: from the platform's secret, the standard files, helper programs and Amazon."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from botocore.session import get_session
from botocore.stub import Stubber

from atlas.images import amazon
from atlas.images.credentials import Credentials, auth_folder, credentials_of
from atlas.images.work import Work
from tests.servers import s3

__all__ = ["s3"]

ME = base64.b64encode(b"me:pa:ss").decode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_none():
    assert credentials_of("example.org") is None


def test_the_platforms_secret_comes_first(home):
    write(home / ".docker/config.json", {"auths": {"example.org": {"auth": ME}}})
    secret = write(home / "secret.json", {"username": "atlas", "password": "own"})
    assert credentials_of("example.org", secret) == Credentials("atlas", "own")
    assert credentials_of("example.org", home / "none.json") == Credentials("me", "pa:ss")


@pytest.mark.parametrize(
    "place", ["run/containers/auth.json", ".config/containers/auth.json", ".docker/config.json"]
)
def test_the_standard_files(home, place):
    write(home / place, {"auths": {"https://example.org": {"auth": ME}}})
    assert credentials_of("example.org") == Credentials("me", "pa:ss")
    assert credentials_of("other.org") is None


def test_a_chosen_file(home, monkeypatch):
    write(home / "own.json", {"auths": {"example.org": {"auth": ME}}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "own.json"))
    assert credentials_of("example.org") == Credentials("me", "pa:ss")


def test_docker_hubs_own_name(home):
    write(home / ".docker/config.json", {"auths": {"https://index.docker.io/v1/": {"auth": ME}}})
    assert credentials_of("docker.io") == Credentials("me", "pa:ss")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": {"example.org": {"auth": "%%"}}}'])
def test_a_broken_file_holds_nothing(home, text):
    path = home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text(text)
    assert credentials_of("example.org") is None


def test_a_repository_at_amazon_is_made_as_the_accounts_template_says():
    client = get_session().create_client(
        "ecr", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
    )
    key = {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/1"}
    tags = [{"Key": "atlas:stack", "Value": "prod"}]
    template = {
        "prefix": "atlas", "encryptionConfiguration": key, "resourceTags": tags,
        "imageTagMutability": "MUTABLE", "lifecyclePolicy": "{}",
    }  # fmt: skip
    with Stubber(client) as answers:
        answers.add_response(
            "describe_repository_creation_templates",
            {"repositoryCreationTemplates": [template]},
            {"prefixes": ["atlas"]},
        )
        assert amazon._template(client, "atlas/words/base") == template
        answers.add_client_error("describe_repository_creation_templates", "AccessDenied")
        assert amazon._template(client, "atlas/words/base") == {}
    assert amazon.made_as(template) == {
        "imageScanningConfiguration": {"scanOnPush": True}, "encryptionConfiguration": key,
        "imageTagMutability": "MUTABLE", "tags": tags,
    }  # fmt: skip
    assert amazon.made_as({}) == {"imageScanningConfiguration": {"scanOnPush": True}}


def test_amazons_registry_without_an_account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert credentials_of("123456789012.dkr.ecr.eu-west-1.amazonaws.com") is None


def test_a_private_file_for_a_while(tmp_path):
    with auth_folder("example.org", Credentials("me", "pa:ss"), tmp_path) as folder:
        assert folder.parent == tmp_path
        file = folder / "config.json"
        assert json.loads(file.read_text()) == {"auths": {"example.org": {"auth": ME}}}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
    with auth_folder("example.org", None, tmp_path) as folder:
        assert folder is None


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "example.org"])
def test_a_base_of_the_platforms_registry_is_opened_though_nothing_is_pushed(
    registry, builder, tmp_path, host
):
    registry.credentials = Credentials("atlas", "own")
    work = Work(
        state=tmp_path, store=None, builder=builder, registry=None, say=print, bases=registry
    )
    with work.access(f"{host}/library/python:3.11-slim") as access:
        given = access.file.read_text() if access.file else ""
    known = base64.b64encode(b"atlas:own").decode()
    assert (known in given) == (host == registry.host)
