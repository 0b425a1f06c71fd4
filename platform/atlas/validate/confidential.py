"""Files in a pipeline's folder that look like secrets: they would go into images and snapshots."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = re.compile(
    r"(id_(rsa|dsa|ecdsa|ed25519)|[^.]*\.env|env|credentials(\.(json|ini|csv|ya?ml|toml|txt))?"
    r"|secrets?\.(json|ini|ya?ml|toml|txt|env)|kubeconfig|htpasswd|pgpass|netrc|pypirc|passwords?\.txt"
    r"|client_secrets?.*\.json|service[-_]account.*\.json|.*\.(p12|pfx|jks|keystore|kdbx|ppk))",
    re.IGNORECASE,
)
_READ = (
    "",
    ".pem",
    ".key",
    ".crt",
    ".txt",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
)
"""Ends of the names of files whose beginning is looked at."""
_BYTES = 4096
_CONTENT = {
    "a private key": re.compile(rb"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----"),
    "the key of a service account": re.compile(rb'"private_key"\s*:\s*"'),
    "a secret access key": re.compile(rb"aws_secret_access_key\s*[=:]", re.IGNORECASE),
}


def looks_like(file: Path) -> str:
    """Return as what secret a file's name or its beginning looks; empty for none."""
    name = PurePath(file).name
    if _NAMES.fullmatch(name):
        return "a file of credentials, by its name"
    if file.suffix.lower() not in _READ:
        return ""
    head = _head(file)
    return next((what for what, sign in _CONTENT.items() if sign.search(head)), "")


def _head(file: Path) -> bytes:
    """Return the beginning of a file; nothing where it can't be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(_BYTES)
    except OSError:
        return b""
