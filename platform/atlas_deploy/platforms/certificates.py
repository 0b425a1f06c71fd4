"""The certificate that a server shows: whether it is trusted here, and how long it is good."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 10.0
_DAY = 86400.0
_SOON = 14
"""Days before its end at which a certificate should have been renewed."""
_PORT = 443


def certificate(host: str | None, port: int | None, now: Callable[[], float]) -> str:
    """Return until when the certificate of a server is good.

    Args:
        host: the server's name.
        port: its port; None for that of https.
        now: this machine's clock, in seconds since 1970.

    Raises:
        PlatformError: no certificate is shown, it isn't trusted, or ends soon.
    """
    where = f"{host}:{port or _PORT}"
    try:
        ends = _shown(host or "", port or _PORT)
    except ssl.SSLCertVerificationError as error:
        raise PlatformError(
            f"{where}: its certificate isn't accepted: {error.verify_message}; renew it, or name "
            "the authority that signed it in SSL_CERT_FILE"
        ) from error
    except OSError as error:
        raise PlatformError(
            f"{where}: no TLS: {error.strerror or error}; see whether the server is up, and the "
            "address is its own"
        ) from error
    days = (ssl.cert_time_to_seconds(ends) - now()) / _DAY
    if days < _SOON:
        raise PlatformError(
            f"{where}: its certificate ends on {ends}, in {max(0.0, days):.0f} days; renew it"
        )
    return f"good for {days:.0f} days"


def _shown(host: str, port: int) -> str:
    """Return when the certificate of a server ends, as OpenSSL writes it."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert() or {}
    return str(shown["notAfter"])
