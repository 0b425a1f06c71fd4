"""Importing kfp without its API client, which is most of what the import takes.

A compile needs the DSL only; the client brings all of Kubernetes' and Google's. It is still there
for who asks for it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENT = "kfp.client"


@contextmanager
def without_client() -> Iterator[None]:
    """Leave kfp's client out of the imports inside, unless kfp is imported already."""
    if "kfp" in sys.modules or _CLIENT in sys.modules:
        yield
        return
    stand_in: Any = ModuleType(_CLIENT)
    stand_in.Client = None
    sys.modules[_CLIENT] = stand_in
    try:
        yield
    finally:
        del sys.modules[_CLIENT]
        kfp: Any = sys.modules.get("kfp")
        if kfp is not None:
            for name in ("Client", "client"):
                vars(kfp).pop(name, None)
            kfp.__getattr__ = _loaded


def _loaded(name: str) -> Any:
    """Give kfp's client when it is asked for."""
    if name not in ("Client", "client"):
        raise AttributeError(f"module 'kfp' has no attribute '{name}'")
    client = import_module(_CLIENT)
    return client if name == "client" else client.Client
