"""Redirects, for clients that follow them: credentials stay with the origin they are for."""

from __future__ import annotations

import urllib.request
from typing import Any
from urllib.parse import urlsplit


class SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows a redirect without credentials where it leads to another origin."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows; None for none."""
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            found.remove_header("Authorization")
        return found
