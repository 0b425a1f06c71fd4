"""The kinds of resources: the platform's own in a table, those of targets from their descriptors.

To add a kind ``Thing`` of the platform: write a module with its properties and a class `ThingKind`
that has the methods of `atlas.kinds.protocol.Kind`, add it to the table below, and run `python -m
atlas_provider.generate`, which writes its typed class and its documentation. A target's kind is in
the target's folder. A kind's module is imported when the first resource of that kind is handled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.kinds.handler import Handler
from atlas.targets.descriptor import deployed_kinds

if TYPE_CHECKING:
    from atlas.targets import DeployedKind

AnyHandler = Handler[Any, Any]
PREFIX = "atlas:index:"
"""How type tokens begin; the name of the kind's class follows."""
_MODULES = {
    "AlertRules": "alert_rules",
    "Database": "database",
    "Ports": "ports",
    "Process": "process",
    "RegisteredModels": "registered_models",
    "StepImages": "step_images",
}


def kind_of_target(name: str) -> DeployedKind | None:
    """Return the kind of a name, if it is a target's: ``AirflowDags``; None for one that is not."""
    kinds = deployed_kinds() if name not in _MODULES else ()
    return next((kind for kind in kinds if kind.name == name), None)


@cache
def _load(name: str) -> AnyHandler | None:
    """Import and make the handler of a kind; None where there is none of the name."""
    if name in _MODULES:
        module = import_module(f"{__name__}.{_MODULES[name]}")
        return Handler(getattr(module, f"{name}Kind")())
    kind = kind_of_target(name)
    return Handler(kind.handler()) if kind else None


class Kinds(Mapping[str, AnyHandler]):
    """Handler by type token, made when it is first asked for."""

    def __getitem__(self, token: str) -> AnyHandler:
        """Return the handler of a type token."""
        handler = _load(token.removeprefix(PREFIX)) if token.startswith(PREFIX) else None
        if handler is None:
            raise KeyError(token)
        return handler

    def __iter__(self) -> Iterator[str]:
        """Return the type tokens."""
        yield from (f"{PREFIX}{name}" for name in _MODULES)
        yield from (kind.token for kind in deployed_kinds())

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return sum(1 for _ in self)


KINDS = Kinds()
