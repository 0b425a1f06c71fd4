"""An API server of Kubernetes, asked with a token: what the node of this machine speaks to."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from pathlib import Path

_APPLY = "application/apply-patch+yaml"
_SECONDS = 60.0


@dataclass(frozen=True)
class ClusterApi:
    """An API server that answers.

    Attributes:
        url: its address.
        token: opens it, for the group ``system:masters``.
        authority: the file with the certificate that it shows.
    """

    url: str
    token: str = field(repr=False)
    authority: Path

    def ask(
        self, path: str, body: Any = None, method: str = "", kind: str = "application/json"
    ) -> Any:
        """Send a request; return its answer as data.

        Raises:
            urllib.error.HTTPError: it refused.
            OSError: it doesn't answer.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, content, headers, method=method or None)  # noqa: S310
        context = ssl.create_default_context(cafile=str(self.authority))
        with urlopen(request, timeout=_SECONDS, context=context) as answer:  # noqa: S310
            text: bytes = answer.read()
        return json.loads(text) if text.startswith(b"{") else text.decode()

    def apply(self, place: str, manifest: dict[str, Any]) -> None:
        """Make an object as it should be, whether it is there or not.

        Args:
            place: where objects of its kind are, such as ``/api/v1/namespaces/a/secrets``.
            manifest: the object, with ``apiVersion`` and ``kind``.

        Raises:
            urllib.error.HTTPError: it is refused.
        """
        name = manifest["metadata"]["name"]
        path = f"{place}/{name}?fieldManager=atlas&force=true"
        self.ask(path, manifest, "PATCH", _APPLY)
