"""A file in an HTTP request: what `multipart/form-data` looks like (RFC 7578)."""

from __future__ import annotations

import hashlib


def form(field: str, file: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that send one file.

    Args:
        field: the form's field.
        file: the file's name.
        content: what is in it; the boundary is its digest, which can't stand in it.
    """
    boundary = f"atlas-{hashlib.sha256(content).hexdigest()}"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{file}"\r\n'
        "Content-Type: application/x-yaml\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
