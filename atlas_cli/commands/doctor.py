"""`atlas doctor`: what Atlas finds on this machine."""

from __future__ import annotations

import sys

from atlas_cli.options import Json
from atlas_cli.output import emit, table


def doctor(json: Json = False) -> None:
    """Show each tool Atlas uses: found, needed, what works without."""
    rows = [("python", sys.version.split()[0], "3.11", sys.executable)]
    emit(rows, lambda: table(("tool", "found", "needed", "from"), rows), as_json=json)
