"""Tags are signed as git signs them, and checked against keys that whoever deploys trusts."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from atlas.errors import DeployError
from atlas_deploy.operations.releasing import ReleaseOptions, release
from atlas_deploy.releases import read
from atlas_deploy.releases.signing import SIGNERS, verify
from atlas_deploy.releases.tags import TagText, parse_tag
from tests.releases import PERSON, Clone, project

OFF = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Clone:
    for name, value in {**PERSON, **OFF}.items():
        monkeypatch.setenv(name, value)
    for name in ("ATLAS_STATE", "ATLAS_STORE", SIGNERS):
        monkeypatch.delenv(name, raising=False)
    return project(tmp_path)


@pytest.fixture
def keys(tmp_path):
    """Two SSH keys: one that is trusted, one that isn't."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen")
    for name in ("ann", "eve"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name]
        subprocess.run(command, check=True)
    public = (tmp_path / "ann.pub").read_text()
    (tmp_path / "signers").write_text(f"ann@example.org {public}")
    return tmp_path


def tag_of(clone: Clone, name: str = "release/houses-1") -> TagText:
    return parse_tag(clone.folder, name, read(clone.folder, name).tag)


def signed(clone: Clone, key: object) -> None:
    (outcome,) = release(clone.folder / "houses", ReleaseOptions(key=str(key)), print)
    assert outcome.release.signed


def test_a_tag_signed_with_ssh(clone, keys, monkeypatch):
    signed(clone, keys / "ann")
    monkeypatch.setenv(SIGNERS, str(keys / "signers"))
    assert verify("release/houses-1", tag_of(clone), clone.folder) == "ann@example.org"
    clone.git(
        "-c", f"gpg.ssh.allowedSignersFile={keys / 'signers'}", "verify-tag", "release/houses-1"
    )


def test_the_users_own_configuration_says_who_may_sign_and_the_repositorys_does_not(
    clone, keys, monkeypatch
):
    signed(clone, keys / "ann")
    clone.git("config", "gpg.ssh.allowedSignersFile", str(keys / "signers"))
    with pytest.raises(DeployError, match=r"L015.*no file says which keys may sign"):
        verify("r", tag_of(clone), clone.folder)
    (keys / "gitconfig").write_text(f'[gpg "ssh"]\n\tallowedSignersFile = {keys / "signers"}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(keys / "gitconfig"))
    assert verify("r", tag_of(clone), clone.folder) == "ann@example.org"


@pytest.mark.parametrize("how", ["unsigned", "another key", "another text", "garbage"])
def test_what_is_not_signed_by_a_trusted_key(clone, keys, monkeypatch, how):
    from dataclasses import replace

    monkeypatch.setenv(SIGNERS, str(keys / "signers"))
    if how == "unsigned":
        release(clone.folder / "houses", ReleaseOptions(), print)
    else:
        signed(clone, keys / ("eve" if how == "another key" else "ann"))
    tag = tag_of(clone)
    match how:
        case "another text":
            tag = replace(tag, payload=tag.payload.replace("houses-1", "houses-2"))
        case "garbage":
            tag = replace(tag, signature="-----BEGIN SSH SIGNATURE-----\nxx\n")
    with pytest.raises(DeployError, match="L015"):
        verify("release/houses-1", tag, clone.folder)


def test_a_key_that_can_not_sign(clone, tmp_path):
    (tmp_path / "key").write_text("no key")
    for key in (tmp_path / "key", "nobody@example.org"):
        with pytest.raises(DeployError, match="L015"):
            release(clone.folder / "houses", ReleaseOptions(key=str(key)), print)
    assert clone.refs() == clone.remote_refs() == {}


@pytest.fixture
def gnupg(tmp_path, monkeypatch):
    """A keyring with one secret key."""
    if shutil.which("gpg") is None:
        pytest.skip("no gpg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    words = ("--passphrase", "", "--quick-gen-key", "ann@example.org", "ed25519", "sign", "never")
    subprocess.run(["gpg", "--batch", "-q", *words], check=True, capture_output=True)
    yield home
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False, capture_output=True)


def test_a_tag_signed_with_gnupg(clone, gnupg, tmp_path, monkeypatch):
    signed(clone, "ann@example.org")
    tag = tag_of(clone)
    assert len(verify("release/houses-1", tag, clone.folder)) == 40
    clone.git("verify-tag", "release/houses-1")
    from dataclasses import replace

    forged = replace(tag, payload=tag.payload.replace("houses-1", "houses-2"))
    with pytest.raises(DeployError, match=r"L015.*gpg doesn't accept"):
        verify("release/houses-1", forged, clone.folder)
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    with pytest.raises(DeployError, match="L015"):
        verify("release/houses-1", tag, clone.folder)
