"""What objects ask for of a cluster: cores, memory, volumes and pods, by namespace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infra.manifests.pods import pod_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from infra.manifests.objects import Manifest

_UNITS = {
    **{"": Decimal(1), "m": Decimal("0.001")},
    **{unit: Decimal(1000) ** (n + 1) for n, unit in enumerate("kMGTP")},
    **{f"{unit}i": Decimal(1024) ** (n + 1) for n, unit in enumerate("KMGTP")},
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]*)")
_BYTES = ("memory", "storage")


def amount(text: str) -> Decimal:
    """Return a quantity as Kubernetes writes it, such as ``500m`` or ``2Gi``; 0 for none."""
    found = _QUANTITY.fullmatch(text)
    return Decimal(found[1]) * _UNITS.get(found[2], Decimal(1)) if found else Decimal(0)


@dataclass(slots=True)
class Demand:
    """What the objects of a namespace ask for in all.

    Attributes:
        cpu: cores.
        memory: bytes that are kept for its pods.
        limit: bytes that its pods may have at most.
        storage: bytes of its volumes.
        pods: how many pods there are.
        volumes: how many there are of them.
    """

    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)
    limit: Decimal = Decimal(0)
    storage: Decimal = Decimal(0)
    pods: int = 0
    volumes: int = 0

    def by_quota(self) -> dict[str, Decimal]:
        """Return it by the names that a ResourceQuota has."""
        return {
            **dict.fromkeys(("cpu", "requests.cpu"), self.cpu),
            **dict.fromkeys(("memory", "requests.memory"), self.memory),
            "limits.memory": self.limit,
            "requests.storage": self.storage,
            **dict.fromkeys(("pods", "count/pods"), Decimal(self.pods)),
            "persistentvolumeclaims": Decimal(self.volumes),
        }

    @staticmethod
    def text(key: str, found: Decimal) -> str:
        """Return an amount for people: bytes in Gi."""
        if any(word in key for word in _BYTES):
            return f"{found / 1024**3:.1f}Gi"
        return f"{found:f}".rstrip("0").rstrip(".") if "." in f"{found:f}" else f"{found:f}"


def demands(manifests: Iterable[Manifest]) -> dict[str, Demand]:
    """Return what objects ask for, by namespace."""
    found: dict[str, Demand] = {}
    for manifest in manifests:
        own = found.setdefault(manifest["metadata"].get("namespace") or "", Demand())
        spec = manifest.get("spec") or {}
        count = int(spec.get("replicas", spec.get("instances", 1)))
        _add_pods(own, manifest, count)
        for storage in _volumes(manifest):
            own.storage += count * amount(storage)
            own.volumes += count
    return found


def _add_pods(own: Demand, manifest: Manifest, count: int) -> None:
    """Add the pods of an object, that are there at a time."""
    pod = pod_of(manifest)
    sets = [one.get("resources") or {} for one in (pod or {}).get("containers") or []]
    if manifest["kind"] in _SERVERS:
        sets = [manifest["spec"].get("resources") or {}]

    if not sets or manifest["kind"] == "CronJob":
        return
    own.pods += count
    for one in sets:
        requests, limits = one.get("requests") or {}, one.get("limits") or {}
        own.cpu += count * amount(str(requests.get("cpu", "0")))
        own.memory += count * amount(str(requests.get("memory", "0")))
        own.limit += count * amount(str(limits.get("memory", "0")))


_SERVERS = ("Prometheus", "Alertmanager", "Cluster")
"""Objects of which an operator makes pods with their resources."""


def _volumes(manifest: Manifest) -> Iterator[str]:
    """Yield the size of each volume that one pod of an object has."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    kind = manifest["kind"]
    if kind == "PersistentVolumeClaim":
        yield _size(spec)
    elif kind == "StatefulSet":
        yield from (_size(one["spec"]) for one in spec.get("volumeClaimTemplates") or [])
    elif kind in ("Prometheus", "Alertmanager"):
        template = (spec.get("storage") or {}).get("volumeClaimTemplate") or {}
        yield from [_size(template["spec"])] if template else []
    elif kind == "Cluster" and spec.get("storage"):
        yield str(spec["storage"].get("size", "0"))


def _size(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))
