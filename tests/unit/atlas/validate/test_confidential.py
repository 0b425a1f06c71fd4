"""Secrets in a pipeline's folder are noticed before they are in an image."""

from __future__ import annotations

import pytest

from atlas.validate.code import code_problems
from atlas.validate.confidential import looks_like

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("id_rsa", ""), ("id_ed25519", "x"), ("prod.env", "A=1"), ("credentials.json", "{}"),
        ("credentials", ""), ("secrets.yaml", ""), ("store.p12", ""), ("kubeconfig", ""),
        ("service-account-7.json", "{}"), ("server.pem", KEY), ("server.key", KEY),
        ("deploy", f"\n{KEY}"), ("key.txt", "-----BEGIN RSA PRIVATE KEY-----"),
        ("it.pem", "-----BEGIN PRIVATE KEY-----"), ("gpg.txt", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
        ("gcp.json", '{"type": "service_account", "private_key": "-----"}'),
        ("aws.ini", "[default]\naws_secret_access_key = x\n"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    (problem,) = code_problems(tmp_path, tmp_path)
    assert (problem.code, problem.severity) == ("N007", "warning")
    assert name in problem.file
    assert "AAAA" not in str(problem)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("public.pem", "-----BEGIN CERTIFICATE-----\n"), ("id_rsa.pub", "ssh-rsa AAAA"),
        ("steps.py", "KEY = '-----BEGIN PRIVATE KEY-----'"), ("secrets.py", ""),
        ("environment.json", "{}"), ("rows.csv", "aws_secret_access_key,x\n"), (".env", "A=1"),
        ("requirements.txt", "python-dotenv\n"), ("primary.key", "region"), ("passwords.csv", ""),
    ],
)  # fmt: skip
def test_what_does_not(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert [*code_problems(tmp_path, tmp_path)] == []


def test_a_file_that_cannot_be_read_is_none(tmp_path):
    assert looks_like(tmp_path / "missing.pem") == ""
