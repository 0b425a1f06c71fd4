"""Who takes OpenLineage events over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.errors import RefusedError
from atlas.http.answers import excerpt
from atlas.http.credentials import openlineage_authorization
from atlas.http.service import Patience, Service

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDPOINT = "api/v1/lineage"
"""Where OpenLineage's own receivers take events."""
_SECONDS = 2.0
_ONCE = Patience(refused=0.0, unanswered=0.0, busy=0.0, failed=0.0)
_OK = range(200, 300)


class LineageReceiver:
    """Takes OpenLineage events over HTTP. Who calls keeps what it doesn't take."""

    def __init__(self, url: str, authorize: Callable[[], str] = openlineage_authorization) -> None:
        """Use a receiver; nothing is sent yet.

        Args:
            url: where events are posted to; of one without a path, OpenLineage's own path.
            authorize: gives the value of the header ``Authorization``.
        """
        path = urlsplit(url).path.strip("/")
        whole = url.rstrip("/") if path else f"{url.rstrip('/')}/{_ENDPOINT}"
        root, _, self._last = whole.rpartition("/")
        self._service = Service("openlineage", root, authorize, _ONCE, seconds=_SECONDS)

    def send(self, event: dict[str, Any]) -> None:
        """Send one event.

        Raises:
            PlatformError: it doesn't answer, or refuses.
        """
        headers = {"Content-Type": "application/json"}
        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        answer = self._service.send("POST", self._last, body, headers)
        if answer.status not in _OK:
            where = f"openlineage at {self._service.url}/{self._last}"
            problem = f"status {answer.status}: {excerpt(answer.content)}"
            raise RefusedError(f"{where}: {problem}", answer.status)
