"""What the documents on disk give, beside what is deployed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.registered import LOCAL_TARGET
from atlas.targets import deployed_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Store
    from atlas_deploy.desired.deployment import Deployment


def digests_on_disk(
    deployment: Deployment, store: Store, released: Mapping[str, str]
) -> dict[str, str]:
    """Return the digest of each Plan on disk that would be deployed, by deployed name.

    Args:
        deployment: the deployment, as it is on disk.
        store: where deployed Plans are.
        released: digest of the deployed Plan by deployed name, where these are of a release: the
            model version that it pins isn't a difference.
    """
    plans = (plan for _, plan in deployment.plans() if plan.target != LOCAL_TARGET)
    named = ((deployed_name(plan), plan) for plan in plans)
    return {name: _as_pinned(plan, store, released.get(name, "")).digest for name, plan in named}


def _as_pinned(plan: Plan, store: Store, deployed: str) -> Plan:
    """Return a Plan with the model version that the deployed one of a release has."""
    if plan.model is None or not deployed or deployed == plan.digest:
        return plan
    try:
        model = store.plan(deployed).model
    except StoreError:
        return plan
    if model is None or not model.digest:
        return plan
    pinned = replace(plan.model, name=model.name, version=model.version, digest=model.digest)
    return replace(plan, model=pinned)
