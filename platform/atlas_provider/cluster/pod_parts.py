"""What a pod's processes are given: variables, volumes, a command."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas_provider.cluster.api import ClusterApi
    from atlas_provider.cluster.images import UnpackedImage

_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def variables(
    plane: ClusterApi, pod: Mapping[str, Any], container: Mapping[str, Any]
) -> dict[str, str]:
    """Return the variables of a container that its pod says: those that it may refer to.

    Raises:
        KeyError: a ConfigMap or Secret that isn't optional is missing, or its key.
    """
    host, _, port = plane.url.removeprefix("https://").partition(":")
    found = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    for source in container.get("envFrom", ()):
        for kind in ("configMapRef", "secretRef"):
            if kind in source:
                found |= _data(plane, pod, kind, source[kind])
    for one in container.get("env", ()):
        value = _value(plane, pod, one)
        if value is not None:
            found[one["name"]] = expanded(value, found)
    return found


def expanded(text: str, known: Mapping[str, str]) -> str:
    """Return a text with ``$(NAME)`` replaced, as Kubernetes does; ``$$`` is a dollar."""
    parts = text.split("$$")
    filled = (_REFERENCE.sub(lambda found: known.get(found[1], found[0]), p) for p in parts)
    return "$".join(filled)


def command(
    container: Mapping[str, Any], known: Mapping[str, str], image: UnpackedImage | None = None
) -> list[str]:
    """Return what a container runs: what it says, else what its image does."""
    words, args = (
        [expanded(word, known) for word in container.get(name, ())] for name in ("command", "args")
    )
    return [*words, *args] if image is None else image.line(words, args)


def _value(plane: ClusterApi, pod: Mapping[str, Any], one: Mapping[str, Any]) -> str | None:
    source = one.get("valueFrom", {})
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if kind in source:
            data = _data(plane, pod, kind, source[kind])
            optional = source[kind].get("optional", False)
            return data.get(source[kind]["key"]) if optional else data[source[kind]["key"]]
    return str(one.get("value", ""))


def _field(pod: Mapping[str, Any], path: str) -> str:
    """Return a field of a pod that its containers may ask for."""
    if path == "status.podIP":
        return "127.0.0.1"
    found: Any = pod
    for part in re.findall(r"[^.\[\]']+", path.partition("['")[0]):
        found = found[part]
    key = re.search(r"\['(.+)'\]", path)
    return str(found[key[1]] if key else found)


def _data(
    plane: ClusterApi, pod: Mapping[str, Any], kind: str, source: Mapping[str, Any]
) -> dict[str, str]:
    """Return what a ConfigMap or a Secret has; nothing for an optional one that isn't there."""
    is_secret = kind.lower().startswith("secret")
    name = source.get("name") or source["secretName"]
    place = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
    try:
        found = plane.ask(f"{place}/{'secrets' if is_secret else 'configmaps'}/{name}")
    except HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND and source.get("optional"):
            return {}
        raise KeyError(f"{kind} {name}: not found") from error
    data: dict[str, str] = found.get("data") or {}
    return {k: base64.b64decode(v).decode() for k, v in data.items()} if is_secret else data


def volumes(plane: ClusterApi, pod: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Make the volumes of a pod below a folder; return where each is.

    Raises:
        KeyError: one is of a kind that this node doesn't have, or its content is missing.
    """
    made = {}
    for volume in pod["spec"].get("volumes", ()):
        place = folder / "volumes" / volume["name"]
        place.mkdir(parents=True)
        if "emptyDir" in volume:
            place.chmod(0o777)  # As the kubelet makes it: an image's user may not be root.
        made[volume["name"]] = place
        for file, text in _content(plane, pod, volume).items():
            (place / file).write_text(text, "utf-8")
    return made


def _content(
    plane: ClusterApi, pod: Mapping[str, Any], volume: Mapping[str, Any]
) -> dict[str, str]:
    """Return the files of a volume."""
    if "emptyDir" in volume:
        return {}
    if "projected" in volume:
        found: dict[str, str] = {}
        for source in volume["projected"]["sources"]:
            found |= _projected(plane, pod, source)
        return found
    for kind in ("secret", "configMap"):
        if kind in volume:
            return _data(plane, pod, kind, volume[kind])
    raise KeyError(f"volume {volume['name']}: no such kind of volume on this node")


def _projected(
    plane: ClusterApi, pod: Mapping[str, Any], source: Mapping[str, Any]
) -> dict[str, str]:
    if "serviceAccountToken" in source:
        account = pod["spec"]["serviceAccountName"]
        place = f"/api/v1/namespaces/{pod['metadata']['namespace']}/serviceaccounts/{account}"
        token = plane.ask(f"{place}/token", {"spec": {}})["status"]["token"]
        return {source["serviceAccountToken"]["path"]: token}
    if "downwardAPI" in source:
        items = source["downwardAPI"]["items"]
        return {one["path"]: _field(pod, one["fieldRef"]["fieldPath"]) for one in items}
    kind = next(iter(source))
    data = _data(plane, pod, kind, source[kind])
    return {item["path"]: data[item["key"]] for item in source[kind].get("items", ())}


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
