"""The rules of a deployment: a group for each flow that is deployed, of all its pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import bring_up
from atlas.alerts import RuleFlow, rule_file
from atlas.errors import DeployError
from atlas.metrics.metric import MONITOR
from atlas.monitor.spec import monitored_pipelines
from atlas.registered import LOCAL_TARGET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Plan
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services

RULES = "rules"
"""The service that says where rules go."""
KINDS = ("folder", "prometheusrules")
"""What rules can be written to: a folder of this machine, or objects of a cluster."""
_INFERENCE = "inference"


def rule_files(deployment: Deployment) -> dict[str, bytes]:
    """Return the rule files of a deployment by the names of their groups: ``tumour-inference``."""
    if not deployment.pipelines or not deployment.pipelines[0].alerts:
        return {}
    by_flow: dict[str, list[Plan]] = {}
    for _, plan in deployment.plans():
        if plan.target != LOCAL_TARGET:
            by_flow.setdefault(plan.flow, []).append(plan)
    watched = _INFERENCE if _INFERENCE in by_flow else next(iter(by_flow), "")
    flows = [_flow(deployment, plans, watched) for _, plans in sorted(by_flow.items())]
    flows += _monitors(deployment)
    files = {flow.name: rule_file(flow, deployment.pipelines[0].alerts) for flow in flows}
    return {name: text for name, text in files.items() if text}


def require_place(deployment: Deployment, services: Services) -> None:
    """Refuse a platform on which no rules can be loaded.

    Raises:
        DeployError: D020, it has no place for them, or one that this version can't write to.
    """
    kind = services.kind(RULES) if services.has(RULES) else ""
    if kind in KINDS and services.has("prometheus"):
        return
    found = f"rules of kind '{kind}'" if kind else "no rules"
    config, environment = deployment.config, deployment.environment.name
    raise DeployError(
        f"{deployment.stack}: the Config has alerts, and the outputs of platform "
        f"{services.platform} name {found}; expected the services prometheus and rules, a folder "
        "or a cluster's namespace that it takes rules from; "
        f"{bring_up('of this Atlas adds them')}; or switch the alerts "
        f'off here: "alerts": {{"{config}": null}} in environments/{environment}.json',
        code="D020",
    )


def _flow(deployment: Deployment, plans: Sequence[Plan], watched: str) -> RuleFlow:
    """Return what rules have to know of a flow."""
    first = plans[0]
    return RuleFlow(
        name=f"{deployment.environment.prefix}{deployment.config}-{first.flow}",
        config=deployment.config,
        environment=first.environment,
        flow=first.flow,
        pipelines=[plan.name for plan in plans],
        schedule=_schedule(first),
        steps=frozenset(first.by_name),
        keyed=frozenset(step.name for step in first.steps if step.foreach),
        is_watched=first.flow == watched,
    )


def _monitors(deployment: Deployment) -> list[RuleFlow]:
    """Return what rules have to know of the monitor, where there is something to monitor."""
    monitored = monitored_pipelines(deployment.pipelines)
    if not monitored:
        return []
    first = monitored[0]
    return [
        RuleFlow(
            name=f"{deployment.environment.prefix}{deployment.config}-{MONITOR}",
            config=deployment.config,
            environment=first.environment,
            flow=MONITOR,
            pipelines=[one.pipeline for one in monitored],
            schedule=first.rule.schedule,
        )
    ]


def _schedule(plan: Plan) -> Mapping[str, str]:
    """Return when a flow runs; nothing for no schedule."""
    schedule = plan.schedule
    if schedule is None:
        return {}
    return {"cron": schedule.cron, "timezone": schedule.timezone, "start": schedule.start}
