"""Become an API server: ``python -m atlas_provider.cluster.api_keys FOLDER COMMAND …``.

The keys by which it signs and checks tokens of service accounts are made before, where the folder
hasn't got them: ``accounts.key`` and ``accounts.pub``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE, PUBLIC = "accounts.key", "accounts.pub"


def make(folder: Path) -> None:
    """Write both keys, the private one last, where they aren't there."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if (folder / PRIVATE).exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    files.write(folder / PUBLIC, public.decode())
    files.write(folder / PRIVATE, secret.decode())


def main(words: Sequence[str]) -> None:
    """Make the keys, and become the command."""
    folder, *line = words
    make(Path(folder))
    os.execv(line[0], line)  # noqa: S606 - no shell


if __name__ == "__main__":
    main(sys.argv[1:])
