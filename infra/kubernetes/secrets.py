"""The platform's secrets: each derived from one key, so that a second `pulumi up` has the same.

The key is a secret of the stack's configuration. A password is HMAC-SHA256 of its name under the
key (the construction of RFC 5869's expansion, one block), in hexadecimal; whoever has one password
can compute neither the key nor another password. A new key is new passwords everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST = 32
"""Characters that the key must have."""
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SALT_CHARACTERS = 22


@dataclass(frozen=True, slots=True)
class PlatformSecrets:
    """What the passwords of a platform are derived from.

    Attributes:
        key: the key, a secret.
        stack: the stack's name: two stacks with one key have different passwords.
    """

    key: pulumi.Output[str]
    stack: str

    def _derived(self, name: str, shape: Callable[[bytes], str]) -> pulumi.Output[str]:
        """Return a secret of some shape."""
        found = self.key.apply(lambda key: shape(derive(checked(key), self.stack, name)))
        return pulumi.Output.secret(found)

    def password(self, name: str) -> pulumi.Output[str]:
        """Return a password: 64 hexadecimal digits, which need no quoting anywhere."""
        return self._derived(name, bytes.hex)

    def fernet(self, name: str) -> pulumi.Output[str]:
        """Return a key for Fernet: 32 bytes in URL-safe base 64."""
        return self._derived(name, lambda found: base64.urlsafe_b64encode(found).decode())

    def hashed(self, name: str) -> pulumi.Output[str]:
        """Return the bcrypt hash of a password, for a server that asks for it."""
        return self._derived(name, bcrypt_hash)

    def salted(self, name: str) -> pulumi.Output[str]:
        """Return the salted digest of a password, for a server that compares it at each request."""
        return self._derived(name, salted_digest)


def derive(key: str, stack: str, name: str) -> bytes:
    """Return the 32 bytes of a secret."""
    said = f"atlas/{stack}/{name}\x01".encode()
    return hmac.new(key.encode(), said, hashlib.sha256).digest()


def checked(key: str) -> str:
    """Return a key that is long enough.

    Raises:
        pulumi.RunError: it isn't.
    """
    if len(key) < LEAST:
        raise pulumi.RunError(
            f"atlas:secretKey: found {len(key)} characters; expected at least {LEAST}, at random: "
            "`pulumi config set --secret atlas:secretKey $(openssl rand -hex 32)`"
        )
    return key


def fingerprint(value: pulumi.Input[Any]) -> pulumi.Output[str]:
    """Return what tells one secret from another, and gives none away: a digest of it."""
    known = pulumi.Output.from_input(value).apply(
        lambda found: hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
    )
    return pulumi.Output.unsecret(known)


def bcrypt_hash(found: bytes) -> str:
    """Return the bcrypt hash of a password, with a salt that is the same each time."""
    import bcrypt

    password = found.hex().encode()
    seed = hashlib.sha256(b"salt/" + found).digest()
    # The last of the 22 characters has two bits: only every sixteenth is one that bcrypt takes.
    salt = bytes(_BCRYPT[byte % 64] for byte in seed[: _SALT_CHARACTERS - 1]) + b"."
    return bcrypt.hashpw(password, b"$2b$10$" + salt).decode()


def salted_digest(found: bytes) -> str:
    """Return a password as nginx compares it in no time (RFC 2307's ``SSHA``).

    Nobody finds 256 bits at random by trying, so nothing is gained by a hash that takes long.
    """
    salt = hashlib.sha256(b"salt/" + found).digest()[:16]
    digest = hashlib.sha1(found.hex().encode() + salt, usedforsecurity=False).digest()
    return f"{{SSHA}}{base64.b64encode(digest + salt).decode()}"
