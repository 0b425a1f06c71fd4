"""Deployments: a Config's pipelines in one Environment, as one Pulumi stack.

The rooms, each importing only what stands to its right::

    testing → operations | training → apply → diff → history → live → desired → releases
    → platforms → stacks

`desired` is what the documents give, `live` what is there, `diff` how these differ, `apply` makes
it so, and `history` keeps what was; `releases` has what is pinned in git, `testing` the fixtures of
pytest. What is named here is the public surface.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlas_deploy.apply.options import DeployOptions
    from atlas_deploy.desired.deployment import Deployment, deployments, looked_at, names
    from atlas_deploy.diff.plan_file import PlanFile, load, save
    from atlas_deploy.operations.deploy import deploy, preview, rollback
    from atlas_deploy.operations.destroy import destroy, destroy_all, unlock
    from atlas_deploy.operations.program import declare
    from atlas_deploy.operations.purge import leftovers, purge, versioned_members, versions_left
    from atlas_deploy.operations.released import deployments_of
    from atlas_deploy.operations.status import history_of, refresh, status, statuses

_HOMES = {
    "apply.options": ("DeployOptions",),
    "desired.deployment": ("Deployment", "deployments", "looked_at", "names"),
    "diff.plan_file": ("PlanFile", "load", "save"),
    "operations.deploy": ("deploy", "preview", "rollback"),
    "operations.destroy": ("destroy", "destroy_all", "unlock"),
    "operations.program": ("declare",),
    "operations.released": ("deployments_of",),
    "operations.purge": ("leftovers", "purge", "versioned_members", "versions_left"),
    "operations.status": ("history_of", "refresh", "status", "statuses"),
}
"""The module of each name: none is imported before it is asked for, for `atlas` starts with it."""
_MODULES = {name: module for module, names_ in _HOMES.items() for name in names_}

__all__ = [
    "DeployOptions",
    "Deployment",
    "PlanFile",
    "declare",
    "deploy",
    "deployments",
    "deployments_of",
    "destroy",
    "destroy_all",
    "history_of",
    "leftovers",
    "load",
    "looked_at",
    "names",
    "preview",
    "purge",
    "refresh",
    "rollback",
    "save",
    "status",
    "statuses",
    "unlock",
    "versioned_members",
    "versions_left",
]


def __getattr__(name: str) -> Any:
    """Import what is named, when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
