"""Rules on a cluster: an object of the kind PrometheusRule for each group.

Prometheus's operator hands what it selects to Prometheus, which loads it by itself. The file of a
group is kept in an annotation as it was written; rules that somebody has changed differ from it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from atlas.cluster import Cluster
from atlas.dataclass import dataclass
from atlas.errors import DeployError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas_provider.prometheus import Prometheus

SCHEME = "kubernetes"
SECONDS = 240.0
"""How long it takes until a cluster's Prometheus has loaded rules: its volume is synchronized once
in about a minute, by each node's kubelet."""
_GROUP = "monitoring.coreos.com/v1"
_OWNER, _NAME, _CONTENT = "atlas/owner", "atlas/group", "atlas/content"
_LARGEST = 200_000
"""Bytes of a file: an object's annotations hold 256 KiB in all."""


@dataclass(frozen=True, slots=True)
class RuleObjects:
    """The rules of one owner.

    Attributes:
        cluster: the cluster.
        namespace: the namespace that they are in.
        labels: by which the operator selects them.
        owner: whose they are.
    """

    cluster: Cluster
    namespace: str
    labels: Mapping[str, str]
    owner: str

    @classmethod
    def at(cls, url: str, owner: str) -> RuleObjects:
        """Return an owner's rules at ``kubernetes://NAMESPACE?context=NAME&label=KEY=VALUE``.

        Raises:
            PlatformError: the URL names no namespace.
        """
        parts = urlsplit(url)
        if parts.scheme != SCHEME or not parts.netloc:
            raise PlatformError(
                f"rules: '{url}' names no namespace; expected kubernetes://NAMESPACE?context=NAME"
            )
        query = parse_qs(parts.query)
        pairs = [label.partition("=") for label in query.get("label", [])]
        labels = {key: value for key, _, value in pairs}
        return cls(Cluster(query.get("context", [""])[0]), parts.netloc, labels, owner)

    @property
    def seconds(self) -> float:
        """Return how long it may take until rules are loaded."""
        return SECONDS

    def names(self) -> list[str]:
        """Return the names of the groups that are there, sorted."""
        query = {"labelSelector": f"{_OWNER}={_short(self.owner)}"}
        found = self.cluster.get(self._path(), query) or {}
        items = [one["metadata"].get("annotations") or {} for one in found.get("items") or []]
        return sorted(one[_NAME] for one in items if one.get(_OWNER) == self.owner and _NAME in one)

    def read(self, name: str) -> bytes | None:
        """Return what a group's file has; other bytes where somebody has changed the object."""
        import yaml

        found = self.cluster.get(self._path(name))
        if found is None:
            return None
        text = str((found["metadata"].get("annotations") or {}).get(_CONTENT, ""))
        spec = found.get("spec") or {}
        try:
            is_whole = yaml.safe_load(text) == spec
        except yaml.YAMLError:
            is_whole = False
        is_selected = self.labels.items() <= (found["metadata"].get("labels") or {}).items()
        if is_whole and is_selected:
            return text.encode()
        return f"# changed on the cluster\n{yaml.safe_dump(spec)}".encode()

    def write(self, name: str, content: bytes | None) -> None:
        """Make a group's object, or delete it.

        Raises:
            DeployError: its file is too large.
            PlatformError: the cluster can't be asked, or refuses.
        """
        if content is None:
            self.cluster.delete(self._path(name))
        else:
            self.cluster.apply(self._path(name), self._manifest(name, content))

    def is_of(self, file: str, name: str) -> bool:
        """Tell whether a file that Prometheus has loaded is a group's.

        The operator names it by the object's namespace, name and uid.
        """
        base = file.replace("\\", "/").rpartition("/")[2]
        return base.startswith(f"{self.namespace}-{self._object(name)}-")

    def reload(self, prometheus: Prometheus) -> None:
        """Do nothing: the operator has Prometheus load what it selects."""

    def obstacle(self) -> str:
        """Return what else keeps Prometheus from loading rules: nothing that is known here."""
        return (
            f"see `kubectl -n {self.namespace} describe prometheusrules`, and the logs of "
            "Prometheus's operator"
        )

    def _manifest(self, name: str, content: bytes) -> dict[str, Any]:
        """Return the object of a group."""
        import yaml

        if len(content) > _LARGEST:
            raise DeployError(
                f"{name}: its rules are {len(content)} bytes; expected at most {_LARGEST} in an "
                "object of a cluster: fewer pipelines in one Config, or fewer alerts"
            )
        return {
            "apiVersion": _GROUP,
            "kind": "PrometheusRule",
            "metadata": {
                "name": self._object(name),
                "namespace": self.namespace,
                "labels": {
                    **self.labels,
                    "app.kubernetes.io/managed-by": "atlas",
                    _OWNER: _short(self.owner),
                },
                "annotations": {_OWNER: self.owner, _NAME: name, _CONTENT: content.decode()},
            },
            "spec": yaml.safe_load(content),
        }

    def _object(self, name: str) -> str:
        """Return the name of a group's object, which no other group's has."""
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return f"atlas-{plain[:150]}-{_short(f'{self.owner}@{name}')}"

    def _path(self, name: str = "") -> str:
        one = f"/{quote(self._object(name))}" if name else ""
        return f"/apis/{_GROUP}/namespaces/{quote(self.namespace)}/prometheusrules{one}"


def _short(text: str) -> str:
    """Return what stands for a text in a label or name."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
