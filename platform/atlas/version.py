"""Atlas's own version, without the machinery that reads what is installed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache

_START, _END = "atlas_ml-", ".dist-info"


@cache
def atlas_version() -> str:
    """Return Atlas's version as it is installed; empty where it isn't.

    It is in the name of the folder that the installer wrote: `importlib.metadata` takes longer to
    import than a step to run.
    """
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder or "."):
                if name.startswith(_START) and name.endswith(_END):
                    return name[len(_START) : -len(_END)]
    return ""
