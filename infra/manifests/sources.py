"""What is rendered: the pins in the services' `service.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi import RunError

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("helm", "kustomize", "git")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One rendering of a service's official manifests, and its pin.

    Attributes:
        service: the service's name, which is that of its folder.
        name: the rendering's name; a service may have several, of which a platform takes some.
        tool: what renders it, ``helm`` or ``kustomize``; or ``git``, where a file is all there is.
        source: of Helm, the repository that the chart is in; of the others, the git repository. Or
            a folder.
        chart: of Helm, the chart's name; of Kustomize, the folder of the base in the repository; of
            git, the file, in whose name ``{number}`` stands for the tag without its ``v``.
        version: the chart's version, or the tag of the repository.
        release: of Helm, the name of the release, which objects' names begin with.
        namespace: the namespace that it is rendered for.
        kubernetes: of Helm, the version of Kubernetes that it is rendered for.
        values: of Helm, the file of the chart's values; None for the chart's own.
        sha256: digest of the objects that it must give.
    """

    service: str
    name: str
    tool: str
    source: str
    chart: str
    version: str
    namespace: str
    sha256: str
    kubernetes: str = ""
    release: str = ""
    values: Path | None = None

    @property
    def file(self) -> str:
        """Return the path of the rendering in a folder of manifests."""
        return f"{self.service}-{self.version}/{self.name}.yaml"

    def __str__(self) -> str:
        """Return what messages call it."""
        return f"{self.service} {self.version} ({self.name})"


def renderings(folder: Path) -> dict[str, Rendering]:
    """Return the renderings that a service's `service.json` pins, by name; none where it has none.

    Args:
        folder: the service's folder.

    Raises:
        RunError: a key is missing, unknown or wrong.
    """
    path = folder / "service.json"
    data = json.loads(path.read_text(encoding="utf-8")).get("manifests")
    if data is None:
        return {}
    shared = {key: value for key, value in data.items() if key != "renderings"}
    own = data.get("renderings", {})
    return {name: _rendering(folder, name, {**shared, **more}) for name, more in own.items()}


def _rendering(folder: Path, name: str, data: dict[str, Any]) -> Rendering:
    """Return one rendering."""
    where = f"platform/services/{folder.name}/service.json: manifests.renderings.{name}"
    values = data.pop("values", None)
    known = {"tool", "source", "chart", "version", "namespace", "sha256"}
    known |= {"kubernetes", "release"} if data.get("tool") == "helm" else set()
    if data.keys() != known or not all(isinstance(value, str) for value in data.values()):
        raise RunError(
            f"{where}: found {', '.join(sorted(data))}; "
            f"expected the texts {', '.join(sorted(known))}"
        )
    if data["tool"] not in TOOLS or not _SHA256.fullmatch(data["sha256"]):
        raise RunError(
            f"{where}: found tool {data['tool']!r} and sha256 {data['sha256']!r}; expected one of "
            f"{', '.join(TOOLS)}, and 64 hexadecimal digits"
        )
    return Rendering(
        service=folder.name, name=name, values=folder / values if values else None, **data
    )
