"""Importing what a compile needs of kfp: its DSL, and neither its API client nor Kubernetes'.

Those two are three quarters of what `import kfp` takes. kfp leaves its client out itself where a
step's container runs, which a variable says. kfp-kubernetes needs Kubernetes' client for affinities
only, so another module stands there until something of it is asked for. Where a version of either
imports in another way, all is imported, only slower.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_RUN_TIME = "_KFP_RUNTIME"
_KUBERNETES = ("kubernetes", "kubernetes.client")


def import_kfp() -> None:
    """Import kfp and kfp-kubernetes without clients, unless they are there already.

    Raises:
        ModuleNotFoundError: kfp isn't installed.
    """
    if "kfp" in sys.modules:
        return
    with _at_run_time():
        kfp: Any = import_module("kfp")
    kfp.__getattr__ = _left_out
    if any(name in sys.modules for name in _KUBERNETES):
        return
    with suppress(ImportError), _stand_ins():
        import_module("kfp.kubernetes")


@contextmanager
def _at_run_time() -> Iterator[None]:
    """Have kfp import what it needs in a step's container only."""
    before = os.environ.get(_AT_RUN_TIME)
    os.environ[_AT_RUN_TIME] = "true"
    try:
        yield
    finally:
        del os.environ[_AT_RUN_TIME]
        if before is not None:
            os.environ[_AT_RUN_TIME] = before


def _left_out(name: str) -> Any:
    """Return what kfp would have imported by itself, to who asks for it later."""
    if name == "Client":
        return import_module("kfp.client").Client
    if name in ("client", "components", "dsl"):
        return import_module(f"kfp.{name}")
    raise AttributeError(f"module 'kfp' has no attribute '{name}'")


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Let other modules stand for Kubernetes' client while something is imported."""
    package, client = (_Later(name) for name in _KUBERNETES)
    vars(package)["client"] = client
    stand_ins = dict(zip(_KUBERNETES, (package, client), strict=True))
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        _remove_stand_ins()


def _remove_stand_ins() -> None:
    for name in _KUBERNETES:
        if isinstance(sys.modules.get(name), _Later):
            del sys.modules[name]


class _Later(ModuleType):
    """Stands in for a module, and loads it when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real module."""
        if name.startswith("__"):
            raise AttributeError(name)
        _remove_stand_ins()
        return getattr(import_module(self.__name__), name)
