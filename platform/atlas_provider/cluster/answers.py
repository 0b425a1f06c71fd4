"""Whether a part of a cell is well: ``python -m atlas_provider.cluster.answers FILE URL``.

The URL is asked from inside the namespaces of the file: ``http://`` and ``https://`` have to answer
with a status below 400, or one that says who may ask; ``tcp://HOST:PORT`` accepts a connection.
"""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from atlas.errors import PlatformError
from atlas_provider.cluster.cell import holder_of
from atlas_provider.cluster.network import in_network

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 10.0
_WELL = (401, 403)


def answers(url: str) -> bool:
    """Tell whether something answers at a URL."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname, parts.port), _SECONDS).close()
        else:
            # What a part of Kubernetes shows nobody has signed.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            urlopen(url, timeout=_SECONDS, context=context).close()  # noqa: S310 - our own URLs
    except HTTPError as error:
        return error.code in _WELL
    except OSError:
        return False
    return True


def main(words: Sequence[str]) -> int:
    """Ask; return 0 where it answers."""
    file, url = words
    try:
        with in_network(holder_of(Path(file)).pid):
            return 0 if answers(url) else 1
    except (PlatformError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
