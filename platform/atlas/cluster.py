"""The API server of a cluster, as `kubectl` reaches it: by a kubeconfig and one of its contexts.

The `kubernetes` package is imported when a cluster is first asked, and signs in as `kubectl` does,
by the programs that the kubeconfig names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from atlas.errors import PlatformError, RefusedError, UnreachableError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = "atlas"
"""Who the API server takes the fields of an object for (``fieldManager``)."""
_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 60.0
_LONGEST = 1000
_NOT_FOUND, _UNAUTHORIZED, _FORBIDDEN = 404, 401, 403
_OK = range(200, 300)
_JSON, _TEXT, _APPLY = "application/json", "*/*", "application/apply-patch+yaml"


class Cluster:
    """A cluster's API server; nothing is asked before the first request."""

    def __init__(self, context: str = "", *, seconds: float = _ANSWER_SECONDS) -> None:
        """Use a cluster.

        Args:
            context: the kubeconfig's context; empty for its current one. The kubeconfig is that of
                `kubectl`: the variable KUBECONFIG, else ``~/.kube/config``.
            seconds: how long an answer may take.
        """
        self.context, self._seconds = context, seconds
        self._client: Any = None

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return f"cluster '{self.context}'" if self.context else "the kubeconfig's current cluster"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """Return what is at a path, such as ``/api/v1/namespaces/a``; None where nothing is.

        Raises:
            PlatformError: the cluster can't be asked.
            RefusedError: it refuses.
        """
        return self._object(path, self._send("GET", path, query))

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str | None:
        """Return what a path gives as text, such as a pod's log; None where nothing is.

        Raises:
            PlatformError: the cluster can't be asked.
            RefusedError: it refuses.
        """
        found = self._send("GET", path, query, accept=_TEXT)
        return None if found is None else found.decode("utf-8", "replace")

    def create(self, path: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object that isn't there, or ask a question that is put as one.

        Raises:
            PlatformError: the cluster can't be asked.
            RefusedError: it refuses, or has no such kind or namespace.
        """
        made = self._object(path, self._send("POST", path, body=json.dumps(manifest)))
        if made is None:
            raise self._missing(path)
        return made

    def apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Make an object as it should be, whoever has changed it before.

        Raises:
            PlatformError: the cluster can't be asked.
            RefusedError: it refuses, or has no such kind or namespace.
        """
        query = {"fieldManager": OWNER, "force": "true", "fieldValidation": "Strict"}
        if self._send("PATCH", path, query, json.dumps(manifest), content=_APPLY) is None:
            raise self._missing(path.rpartition("/")[0])

    def delete(self, path: str) -> None:
        """Delete an object; it isn't an error when it is gone.

        Raises:
            PlatformError: the cluster can't be asked.
            RefusedError: it refuses.
        """
        self._send("DELETE", path)

    def _missing(self, path: str) -> RefusedError:
        return RefusedError(
            f"{self.name}: has no {path}; expected its namespace, and the definition of its kind",
            _NOT_FOUND,
        )

    def _object(self, path: str, data: bytes | None) -> dict[str, Any] | None:
        """Return an answer's JSON; None for no answer.

        Raises:
            PlatformError: it is none.
        """
        if data is None:
            return None
        try:
            found: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise PlatformError(
                f"{self.name}: {self._host}{path} gives no JSON; expected the API server of a "
                "cluster"
            ) from error
        return found

    @property
    def _host(self) -> str:
        return str(self._connected().configuration.host)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: str | None = None,
        *,
        accept: str = _JSON,
        content: str = _JSON,
    ) -> bytes | None:
        """Send a request; return the answer, or None where there is no such thing."""
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        client, host = self._connected(), self._host
        headers = {"Accept": accept, **({"Content-Type": content} if body else {})}
        try:
            client.update_params_for_auth(headers, [], ["BearerToken"])
            answer = client.rest_client.pool_manager.request(
                method,
                f"{host}{path}?{urlencode(query)}" if query else f"{host}{path}",
                body=body,
                headers=headers,
                timeout=Timeout(connect=_CONNECT_SECONDS, read=self._seconds),
                retries=False,
            )
        except (HTTPError, OSError) as error:
            raise UnreachableError(
                f"{self.name}: {host} doesn't answer ({_short(error)}); see that it runs, and that "
                "`kubectl get namespaces` reaches it from here",
                sent=method != "GET",
            ) from error
        if answer.status == _NOT_FOUND:
            return None
        if answer.status not in _OK:
            why = self._refusal(method, path, answer.status, answer.data)
            raise RefusedError(why, answer.status)
        return bytes(answer.data)

    def _connected(self) -> Any:
        """Return the client, made by the kubeconfig.

        Raises:
            PlatformError: there is no kubeconfig, or it has no such context.
        """
        if self._client is None:
            try:
                from kubernetes.config import ConfigException, new_client_from_config
            except ImportError as error:
                raise PlatformError(
                    f"{self.name}: can't be asked without the package kubernetes; install "
                    "`atlas-ml[kubernetes]`"
                ) from error
            try:
                path = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
                self._client = new_client_from_config(path, self.context or None)
            except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
                raise PlatformError(
                    f"{self.name}: the kubeconfig doesn't open it ({_short(error)}); expected the "
                    "file that KUBECONFIG names, or ~/.kube/config, with that context: "
                    "`kubectl config get-contexts` lists what it has"
                ) from error
        return self._client

    def _refusal(self, method: str, path: str, status: int, body: bytes) -> str:
        """Return why the API server refuses, and what to do."""
        where = f"{self.name}: {method} {path}: status {status}"
        try:
            reason = clean(str(json.loads(body)["message"]), _LONGEST)
        except (ValueError, KeyError, TypeError):
            reason = "it doesn't say why"
        if status == _UNAUTHORIZED:
            return f"{where}: the kubeconfig's credentials aren't taken; sign in again"
        if status == _FORBIDDEN:
            return f"{where}: {reason}; the kubeconfig's user needs that right"
        return f"{where}: {reason}"


def _short(error: BaseException) -> str:
    """Return an error in one line, without the objects that it names."""
    text = str(getattr(error, "reason", None) or error).splitlines()
    return (text or [type(error).__name__])[0].rpartition(">: ")[2][:300]
