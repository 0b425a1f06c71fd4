"""The node of this machine: ``python -m atlas_provider.cluster.kubeflow_node FILE``, in a cell.

It tells Kubernetes what Kubeflow needs, joins it as a node, and runs the pods that are bound to it
until it is stopped. The file is JSON: ``api`` (url, token, authority), ``objects``, ``folder`` (for
pods), ``logs``, ``programs`` (path by the name that pods call it), ``shared`` (folders of this
machine that pods write to), ``images`` (program, folder, registry and logins of `NodeImages`; null
where pods run in this machine's own root) and ``port`` (of the node's own API).
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_provider.cluster import objects
from atlas_provider.cluster.api import ClusterApi
from atlas_provider.cluster.images import NodeImages
from atlas_provider.cluster.node import process_node
from atlas_provider.cluster.pods import NodeFolders

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(settings: Mapping[str, Any]) -> None:
    """Be the node until this process is asked to end."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    given = settings["api"]
    api = ClusterApi(given["url"], given["token"], Path(given["authority"]))
    known = objects.KubeflowObjects(**settings["objects"])
    objects.write_accounts(api, known.namespace)
    objects.define(api, known.definitions)
    objects.make(api, known)
    folders = NodeFolders(
        Path(settings["folder"]),
        Path(settings["logs"]),
        tuple(map(Path, settings["shared"])),
        images(settings["images"]),
    )
    programs = {name: Path(path) for name, path in settings["programs"].items()}
    with process_node(api, folders, programs, port=settings["port"]):
        over.wait()


def images(given: Mapping[str, str] | None) -> NodeImages | None:
    """Return the images that a node's settings speak of."""
    if given is None:
        return None
    return NodeImages(
        given["program"], Path(given["folder"]), given["registry"], Path(given["logins"])
    )


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text("utf-8")))
