"""Which proxy a request takes: what HTTP_PROXY, HTTPS_PROXY, NO_PROXY say; none on loopback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PORT = 80


class Proxy(NamedTuple):
    """A proxy: where it is, and the headers that it is sent."""

    url: str
    host: str
    port: int
    headers: Mapping[str, str]


def is_loopback(host: str) -> bool:
    """Tell whether a host, without its port, is this machine by its name or number."""
    host = host.strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost") or host == "::1":
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)  # noqa: PLR2004


def proxy_for(scheme: str, host: str, port: int | None) -> Proxy | None:
    """Return the proxy that the environment names for a server; None to go there directly.

    Raises:
        PlatformError: it names no HTTP proxy.
    """
    is_plain = not any(name.lower().endswith("_proxy") for name in os.environ)
    if is_plain or is_loopback(host):
        return None
    from urllib import request

    proxies = request.getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    where = f"{host}:{port}" if port else host
    if not url or _is_excepted(where, proxies):
        return None
    return _proxy(url if "://" in url else f"http://{url}", scheme)


def _is_excepted(where: str, proxies: Mapping[str, str]) -> bool:
    """Tell whether NO_PROXY names a server."""
    from urllib import request

    bypass: Callable[[str, Mapping[str, str]], bool]
    bypass = request.proxy_bypass_environment  # type: ignore[attr-defined]
    return bool(bypass(where, proxies))


def _proxy(url: str, scheme: str) -> Proxy:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORT
    except ValueError:
        host = ""
    if not host or parts.scheme != "http":
        raise PlatformError(
            f"{scheme}_proxy: found a proxy of another kind; expected http://host:port (NO_PROXY "
            "names the hosts that need none)"
        )
    if not parts.username:
        return Proxy(url, host, port, {})
    from atlas.http.credentials import basic

    who = basic(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(url, host, port, {"Proxy-Authorization": who})
