"""Deployments: a Config's pipelines in one Environment, as one Pulumi stack.

`deployment` says what belongs together, `services` which platform it goes to, `material` what it is
made of, `state` and `world` what is there now, `changes` how these differ; `operations`, `removal`
and `inspection` are what can be done, and `records` keeps what was. `program` declares a deployment
in a Pulumi program of the user's own.
"""

from __future__ import annotations

from atlas_cli.deploying.deployment import Deployment, deployments, looked_at, names
from atlas_cli.deploying.inspection import history, refresh, status, statuses
from atlas_cli.deploying.making import How
from atlas_cli.deploying.operations import deploy, preview, rollback
from atlas_cli.deploying.program import declare
from atlas_cli.deploying.purging import in_kubeflow, left_of, purge, versions_left
from atlas_cli.deploying.removal import destroy, destroy_all, unlock
from atlas_cli.deploying.saved import Saved, load, save

__all__ = [
    "Deployment",
    "How",
    "Saved",
    "declare",
    "deploy",
    "deployments",
    "destroy",
    "destroy_all",
    "history",
    "in_kubeflow",
    "left_of",
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
    "versions_left",
]
