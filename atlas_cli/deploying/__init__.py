"""Deployments: a Config's pipelines in one Environment, as one Pulumi stack.

`deployment` says what belongs together, `services` which platform it goes to, `material` what it is
made of, `state` what is there now, `changes` how these differ, `operations` what can be done.
"""

from __future__ import annotations

from atlas_cli.deploying.deployment import Deployment, deployments, names
from atlas_cli.deploying.operations import deploy, destroy, preview, status

__all__ = ["Deployment", "deploy", "deployments", "destroy", "names", "preview", "status"]
