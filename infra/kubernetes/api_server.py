"""The API server of the cluster, asked before anything is made on it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pulumi import RunError

_OK, _MISSING, _UNAUTHORIZED = range(200, 300), (404,), 401
_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 60
_MALFORMED = (OSError, ValueError, TypeError, KeyError, AttributeError)
"""What the official client raises for a kubeconfig that isn't one."""
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What is asked for where only names, labels and annotations matter."""


class Asked(Protocol):
    """What answers questions about a cluster."""

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any]:
        """Return what is at a path; an empty object where nothing is."""

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Tell whether whoever asks may do something everywhere in the cluster."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """An API server.

    Attributes:
        client: the official client, made by a kubeconfig.
        where: what messages call it.
    """

    client: Any
    where: str

    @classmethod
    def of(cls, kubeconfig: str, context: str) -> ApiServer:
        """Return the API server that a kubeconfig opens.

        Args:
            kubeconfig: its path or its text; empty for that of `kubectl`.
            context: its context; empty for the current one.

        Raises:
            RunError: there is no such kubeconfig, or no such context in it.
        """
        from kubernetes import config
        from yaml import YAMLError

        unreadable = (config.ConfigException, YAMLError, *_MALFORMED)
        try:
            client = _client(config, kubeconfig, context or None)
        except unreadable as error:
            named = f"atlas:context: '{context}' of" if context else "atlas:kubeconfig:"
            raise RunError(
                f"{named} {_file(kubeconfig)} opens no cluster ({_line(error)}); expected a "
                "kubeconfig and a context that `kubectl config get-contexts` lists, or "
                "atlas:preflight: false for a preview without a cluster"
            ) from None
        return cls(client, f"cluster {client.configuration.host}")

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any]:
        """Return what is at a path; an empty object where nothing is.

        Raises:
            RunError: it doesn't answer, or refuses.
        """
        return self._send("GET", path, accept, None)

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Tell whether whoever asks may do something everywhere in the cluster.

        Raises:
            RunError: it doesn't answer, or refuses.
        """
        asked = {"verb": verb, "group": group, "resource": resource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        found = self._send("POST", path, "application/json", json.dumps(review))
        return bool((found.get("status") or {}).get("allowed"))

    def _send(self, method: str, path: str, accept: str, body: str | None) -> dict[str, Any]:
        """Send a request; return the answer's JSON."""
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        headers = {"Accept": accept, **({"Content-Type": "application/json"} if body else {})}
        try:
            self.client.update_params_for_auth(headers, [], ["BearerToken"])
            answer = self.client.rest_client.pool_manager.request(
                method,
                f"{self.client.configuration.host}{path}",
                body=body,
                headers=headers,
                timeout=Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
                retries=False,
            )
            found: dict[str, Any] = json.loads(answer.data) if answer.status in _OK else {}
        except (HTTPError, OSError) as error:
            raise RunError(
                f"{self.where}: doesn't answer ({_line(error)}); expected the API server of a "
                "cluster that runs: `kubectl cluster-info` shows whether it can be reached from "
                "here; atlas:preflight: false makes a preview without one"
            ) from None
        except ValueError:
            raise RunError(
                f"{self.where}: {path} gives no JSON; expected the API server of a cluster"
            ) from None
        if answer.status == _UNAUTHORIZED:
            raise RunError(
                f"{self.where}: doesn't take the kubeconfig's credentials (status 401); expected "
                "ones that `kubectl auth whoami` shows a user for: sign in again"
            )
        if answer.status not in (*_OK, *_MISSING):
            raise RunError(
                f"{self.where}: refuses {method} {path} (status {answer.status}); expected the "
                "rights of an administrator of the cluster"
            )
        return found


def _client(config: Any, kubeconfig: str, context: str | None) -> Any:
    """Return the official client."""
    if not _is_text(kubeconfig):
        return config.new_client_from_config(_file(kubeconfig), context)
    import yaml

    return config.new_client_from_config_dict(yaml.safe_load(kubeconfig), context=context)


def _is_text(kubeconfig: str) -> bool:
    """Tell whether a setting is a kubeconfig itself, not its path."""
    return "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")


def _file(kubeconfig: str) -> str:
    """Return where a kubeconfig is; of one that is a text nothing, since it has credentials."""
    if _is_text(kubeconfig):
        return "the setting's text"
    path = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    return os.pathsep.join(str(Path(one).expanduser()) for one in path.split(os.pathsep))


def _line(error: BaseException) -> str:
    """Return an error in one line, without the objects that it names."""
    lines = str(getattr(error, "reason", None) or error).splitlines()
    return (lines or [type(error).__name__])[0].rpartition(">: ")[2][:300]
