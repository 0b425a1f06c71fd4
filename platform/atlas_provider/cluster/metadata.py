"""The metadata store: ``python -m atlas_provider.cluster.metadata PYTHON SQLITE_FILE ADDRESS``.

The store is in an environment of its own, whose Python this is given; it runs `metadata_server`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SERVER = Path(__file__).with_name("metadata_server.py")


if __name__ == "__main__":
    os.execv(sys.argv[1], [sys.argv[1], str(SERVER), *sys.argv[2:]])  # noqa: S606 - no shell
