"""The cluster that tests talk to: one's own where KUBECONFIG names it, else a control plane."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import kubernetes
import yaml
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from infra.manifests.objects import Manifest

APPLY = "application/apply-patch+yaml"
Location = tuple[str, str, str, str]
"""Where an object is: path of its group and version, plural of its kind, namespace, name."""
PASSING = frozenset(
    {
        *("events", "leases", "endpoints", "endpointslices", "componentstatuses", "podmetrics"),
        *("nodemetrics", "controllerrevisions", "ipaddresses", "apiservices", "flowschemas"),
        *("prioritylevelconfigurations", "csinodes", "persistentvolumes", "nodes"),
    }
)
"""Kinds that a cluster makes and removes in its own time, or whose objects are nobody's."""

EVERYWHERE = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
"""What the controllers make in each namespace, a moment after it is there."""


class Refused(Exception):
    """The API server refused a request.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Cluster:
    """A cluster, as its administrator sees it.

    Attributes:
        kubeconfig: the file by which clients find it.
        is_ours: whether it is the tests' own control plane, with simulated nodes.
    """

    kubeconfig: Path
    is_ours: bool
    _served: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, compare=False)

    def unusable(self) -> str:
        """Return why the cluster can't be asked: found, expected, what to do; empty if it can."""
        try:
            self.ask("/api/v1/namespaces")
        except (HTTPError, Refused) as error:
            found = f"{self._client.configuration.host}: {error}"
        except (kubernetes.config.ConfigException, OSError, yaml.YAMLError) as error:
            found = f"can't be read: {error}"
        else:
            return ""
        return (
            f"{self.kubeconfig}: {found}; expected one file that opens a cluster that may be "
            "thrown away, or no such variable for a control plane of the tests' own"
        )

    @cached_property
    def _client(self) -> kubernetes.client.ApiClient:
        return kubernetes.config.new_client_from_config(str(self.kubeconfig))

    def ask(
        self,
        path: str,
        body: Any = None,
        method: str = "",
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request to the API server, with more headers; return its answer as data.

        Raises:
            Refused: it refused.
        """
        return json.loads(self._answer(path, body, method, kind, headers))

    def text(self, path: str) -> str:
        """Return what is at a path as it is."""
        return self._answer(path, None, "", "").decode()

    def _answer(
        self, path: str, body: Any, method: str, kind: str, more: Mapping[str, str] | None = None
    ) -> bytes:
        """Send a request; return its answer."""
        headers = {"Content-Type": kind, "Accept": "application/json, */*", **(more or {})}
        try:
            answer, *_ = self._client.call_api(
                path,
                method or ("GET" if body is None else "POST"),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
            )
        except ApiException as error:
            raise Refused(error.status, str(error.body)) from error
        return bytes(answer.data)

    def find(self, path: str) -> Manifest | None:
        """Return the object at a path; None where there is none."""
        try:
            found: Manifest = self.ask(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def items(self, path: str) -> list[Manifest]:
        """Return the objects of a kind; none where there is no such kind."""
        found = self.find(path)
        return list(found["items"]) if found else []

    def groups(self) -> list[str]:
        """Return the paths of all groups and versions that are preferred."""
        found = self.ask("/apis")["groups"]
        return ["/api/v1", *(f"/apis/{one['preferredVersion']['groupVersion']}" for one in found)]

    def kinds(self, group: str) -> Mapping[str, Mapping[str, Any]]:
        """Return what a group has, by kind."""
        found = self.find(group) or {"resources": []}
        return {one["kind"]: one for one in found["resources"] if "/" not in one["name"]}

    def path(self, manifest: Manifest) -> str:
        """Return the path of an object."""
        version = manifest["apiVersion"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        known = (group, manifest["kind"])
        if known not in self._served:
            self._served.update(((group, name), kind) for name, kind in self.kinds(group).items())
        kind = self._served[known]
        own = manifest["metadata"]
        inside = f"/namespaces/{own['namespace']}" if kind["namespaced"] else ""
        return f"{group}{inside}/{kind['name']}/{own['name']}"

    def locations(self, namespaces: Collection[str]) -> set[Location]:
        """Return where every object is, but those that the cluster makes by itself all the time.

        On somebody's own cluster others work: of namespaces, only some are looked into there.
        """
        return {
            one for one in self._locations() if self.is_ours or not one[2] or one[2] in namespaces
        }

    def _locations(self) -> Iterator[Location]:
        for group in self.groups():
            for kind in self.kinds(group).values():
                if kind["name"] in PASSING or "list" not in kind["verbs"]:
                    continue
                for one in self.items(f"{group}/{kind['name']}"):
                    own = one["metadata"]
                    if (kind["name"], own["name"]) in EVERYWHERE:
                        continue
                    yield group, kind["name"], own.get("namespace") or "", own["name"]
