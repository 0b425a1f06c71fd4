"""`make mirror`: all that a platform on a cluster takes from the network, for where there is none.

`python -m infra.manifests.mirror FOLDER` writes the manifests of every service, as they are pinned,
to a folder for ``atlas:manifests``, and beside them `images.txt`: each image that is pulled.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import RunError

from infra.manifests.images import canonical, images
from infra.manifests.rendering import Manifests
from infra.manifests.sources import renderings

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICES = Path(__file__).resolve().parents[2] / "platform" / "services"
IMAGES = "images.txt"
_USAGE = "make mirror FOLDER=/path/to/a/folder\n"


def main(arguments: Sequence[str]) -> int:
    """Write the mirror, and say what is in it; return 0, or 1 when something can't be rendered."""
    if len(arguments) != 1:
        sys.stderr.write(_USAGE)
        return 2
    try:
        files, found = written(Path(arguments[0]).expanduser().resolve())
    except (RunError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{file}\n" for file in files))
    sys.stdout.write(f"{IMAGES}: {len(found)} images\n")
    return 0


def written(
    folder: Path, services: Path = SERVICES, known: Manifests | None = None
) -> tuple[list[str], list[str]]:
    """Write the manifests of all services, and the list of images.

    Args:
        folder: where to; made where it is missing, and what is there is written again.
        services: the folder of the services.
        known: where manifests come from; rendered, or kept from before, by default.

    Returns:
        The files, below the folder, and the images.

    Raises:
        RunError: manifests can't be had, or aren't those that are pinned.
        OSError: the folder can't be written.
    """
    known = known or Manifests()
    files: list[str] = []
    found: set[str] = set()
    for path in sorted(services.glob("*/service.json")):
        own = json.loads(path.read_text("utf-8")).get("image")
        found |= {canonical(own)} if own else set()
        for rendering in renderings(path.parent).values():
            objects = known.objects(rendering)
            found |= images(objects)
            file = folder / rendering.file
            file.parent.mkdir(parents=True, exist_ok=True)
            listed = {"apiVersion": "v1", "kind": "List", "items": objects}
            file.write_text(json.dumps(listed), encoding="utf-8")
            files.append(rendering.file)
    (folder / IMAGES).write_text("".join(f"{one}\n" for one in sorted(found)), encoding="utf-8")
    return files, sorted(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
