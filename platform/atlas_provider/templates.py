"""Placeholders in commands, variables and files: what only the provider knows, filled in at create.

``{dir}`` is the program's own folder, ``{folder}`` the platform's, ``{port:NAME}`` a chosen port,
``{secret:NAME}`` the password of a secret, ``{secret:NAME.username}`` its user name,
``{secret:NAME.htpasswd}`` the two as a line of a password file, hashed, ``{secret:NAME.bcrypt}``
the hash alone, and ``{secret:NAME.basic}`` the two as HTTP's basic authentication has them. Any
other brace is a brace, so that JSON and YAML need no escapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.http.credentials import read_secret
from atlas_provider import vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_PLACEHOLDER = re.compile(
    r"\{(dir|folder|port:[a-z0-9-]+|secret:[a-z0-9-]+(?:\.(?:username|htpasswd|bcrypt|basic))?)\}"
)
_HASHED = {"htpasswd": vault.htpasswd, "bcrypt": vault.hashed}
REDACTED = "[secret]"


@dataclass(slots=True)
class Filling:
    """What placeholders stand for, and the secrets that were filled in.

    Attributes:
        directory: the program's own folder.
        folder: the platform's folder.
        ports: port by name.
        vault: the folder of the secrets.
        make: whether a secret that isn't there is made; else it is an error.
        used: the passwords that were filled in, to be kept out of errors.
    """

    directory: Path
    folder: Path
    ports: Mapping[str, int]
    vault: Path
    make: bool = False
    used: set[str] = field(default_factory=set)

    def fill(self, text: str) -> str:
        """Return a text with its placeholders filled in."""
        return _PLACEHOLDER.sub(lambda match: self._value(match[1]), text)

    def redact(self, text: str) -> str:
        """Return a text without the passwords that were filled in so far."""
        for password in self.used:
            text = text.replace(password, REDACTED)
        return text

    def _value(self, placeholder: str) -> str:
        """Return what one placeholder stands for."""
        word, _, rest = placeholder.partition(":")
        if word == "port":
            return str(self.ports[rest])
        if word == "secret":
            return self._secret(rest)
        return str(self.directory if word == "dir" else self.folder)

    def _secret(self, reference: str) -> str:
        """Return a secret's password, user name, or both in some form."""
        name, _, part = reference.partition(".")
        secret = (vault.ensure if self.make else read_secret)(self.vault, name)
        if part == "username":
            return secret["username"]
        if part in _HASHED:
            return _HASHED[part](secret)
        open_text = vault.basic(secret) if part == "basic" else secret["password"]
        self.used.add(open_text)
        return open_text


def ports_of(texts: Iterable[str]) -> set[str]:
    """Return the names of the ports that texts ask for."""
    placeholders = (match[1] for text in texts for match in _PLACEHOLDER.finditer(text))
    return {name.partition(":")[2] for name in placeholders if name.startswith("port:")}
