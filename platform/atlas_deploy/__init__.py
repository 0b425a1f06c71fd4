"""Deployments: a Config's pipelines in one Environment, as one Pulumi stack.

`deployment` says what belongs together, `services` which platform it goes to, `material` what it is
made of, `state` and `world` what is there now, `changes` how these differ; `operations`, `removal`
and `inspection` are what can be done, and `records` keeps what was. `program` declares a deployment
in a Pulumi program of the user's own.
"""

from __future__ import annotations

from atlas_deploy.deployment import Deployment, deployments, looked_at, names
from atlas_deploy.inspection import history, refresh, status, statuses
from atlas_deploy.making import How
from atlas_deploy.operations import deploy, preview, rollback
from atlas_deploy.program import declare
from atlas_deploy.purging import in_kubeflow, left_of, purge, versions_left
from atlas_deploy.removal import destroy, destroy_all, unlock
from atlas_deploy.saved import Saved, load, save

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
