"""Secrets of a local platform: a folder with one private file for each, made at first use.

Only a secret's name is ever in Pulumi's state, in a log or in an error.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING

from atlas import files
from atlas.http.credentials import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USERNAME = "atlas"
_BYTES = 32
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BCRYPT_ALPHABET = bytes.maketrans(_LETTERS + b"0123456789+/", b"./" + _LETTERS + b"0123456789")


def ensure(folder: Path, name: str) -> Mapping[str, str]:
    """Return a secret (``username``, ``password``); make it at random if it isn't there.

    Args:
        folder: where the secrets are, ``<state>/secrets``.
        name: the secret's name; its file is ``<name>.json``.

    Raises:
        PlatformError: if the file is there and holds no secret.
    """
    fresh = {"username": USERNAME, "password": secrets.token_urlsafe(_BYTES)}
    path = folder / f"{name}.json"
    if not path.exists():
        files.write_new(path, json.dumps(fresh) + "\n")
    return read_secret(folder, name)


def basic(secret: Mapping[str, str]) -> str:
    """Return a secret as HTTP's basic authentication has it."""
    return base64.b64encode(f"{secret['username']}:{secret['password']}".encode()).decode()


def htpasswd(secret: Mapping[str, str]) -> str:
    """Return a secret as a line of a password file: the user and the password's hash."""
    return f"{secret['username']}:{hashed(secret)}"


def hashed(secret: Mapping[str, str]) -> str:
    """Return the bcrypt hash of a secret's password; always the same one.

    The password is random and long, so that few rounds will do, and every request is quick.
    """
    import bcrypt

    password = secret["password"].encode()
    raw = base64.b64encode(hashlib.sha256(password).digest()[:16]).rstrip(b"=")
    salt = b"$2b$05$" + raw.translate(_BCRYPT_ALPHABET)
    return bcrypt.hashpw(password[:72], salt).decode()
