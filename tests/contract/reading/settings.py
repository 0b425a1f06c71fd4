"""What a task of compiled KFP IR is given besides its work: tries, time, resources, environment."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from tests.contract.reading.plan import credentials
from tests.contract.trace import waits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep


def retries(spec: Mapping[str, Any], step: PlanStep, options: Any) -> dict[str, Any]:
    """Return how often a task is tried again, and when: KFP's longest "duration" is a deadline.

    With ``--retry``, for kfp.local, the step itself does.
    """
    policy = spec.get("retryPolicy")
    if options.retry:
        own = step.retries
        return {
            "retries": own.limit,
            "waits": waits(own.limit, own.delay, own.factor, own.max_delay),
        }
    if not policy:
        return {"retries": 0, "waits": ()}
    first, deadline = (float(policy[k][:-1]) for k in ("backoffDuration", "backoffMaxDuration"))
    assert deadline == 3600
    factor, limit = policy["backoffFactor"], policy["maxRetryCount"]
    assert float(factor).is_integer(), "Argo takes no fraction"
    return {"retries": limit, "waits": waits(limit, first, factor, math.inf)}


def timeout(kubernetes: Mapping[str, Any], step: PlanStep, options: Any) -> float | None:
    """Return when an attempt ends: `atlas.step` keeps the time, Kubernetes' deadline is behind it."""
    seconds = kubernetes.get("activeDeadlineSeconds")
    if step.timeout is not None and not options.retry:
        assert float(seconds) >= step.timeout
    return step.timeout


_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def resources(container: Mapping[str, Any]) -> dict[str, Any]:
    asked = container.get("resources", {})
    for one in ("Cpu", "Memory"):
        assert asked.get(f"resource{one}Limit") == asked.get(f"resource{one}Request")
    memory, accelerator = asked.get("resourceMemoryLimit"), asked.get("accelerator", {})
    count = accelerator.get("resourceCount") or accelerator.get("count")
    return {
        "cpu": float(asked["resourceCpuLimit"]) if "resourceCpuLimit" in asked else None,
        "memory": _bytes(memory) if memory else None,
        "gpu": int(count) if count else None,
    }


def _bytes(text: str) -> int:
    unit = _UNITS.get(text[-2:])
    return int(text[:-2]) * unit if unit else int(text)


def env(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the step's own variables as Kubernetes sets them: it expands ``$(NAME)``, and halves ``$$``.

    For kfp.local, which sets none, the command does.
    """
    command = container.get("command", ())
    if command[0] == "env":
        return own(dict(word.split("=", 1) for word in command[1 : command.index("python")]))
    pairs = {one["name"]: one.get("value", "") for one in container.get("env", ())}
    assert len(pairs) == len(container.get("env", ()))
    return own({name: expanded(value) for name, value in pairs.items()})


def own(variables: dict[str, str]) -> dict[str, str]:
    """Return variables without Atlas's."""
    return {name: value for name, value in variables.items() if not name.startswith("ATLAS_")}


def expanded(value: str) -> str:
    """Expand a variable's value as Kubernetes does where no variable is known."""
    return re.sub(r"\$(\$|\([^)]*\))", lambda m: "$" if m[1] == "$" else f"<{m[0]}>", value)


def secrets(
    kubernetes: Mapping[str, Any], plan: Plan, step: PlanStep, options: Any
) -> dict[str, Any]:
    """Return the secrets that Kubernetes gives; with kfp.local, who runs it gives them."""
    if options.retry:
        names = {*step.secrets, *credentials(plan, step.sources())}
        return {name: dict(plan.secrets[name]) for name in names}
    found = {}
    for one in kubernetes.get("secretAsEnv", ()):
        for pair in one["keyToEnv"]:
            name = pair["envVar"].removeprefix("ATLAS_SECRET_").lower().replace("_", "-")
            found[name] = {"kubernetes": f"{one['secretName']}/{pair['secretKey']}"}
    return found


PLATFORM = (
    *("ATLAS_STORE", "ATLAS_MLFLOW_URL", "ATLAS_PUSHGATEWAY_URL"),
    *("ATLAS_MLFLOW_CREDENTIALS", "ATLAS_PUSHGATEWAY_CREDENTIALS"),
    *("ATLAS_OPENLINEAGE_URL", "ATLAS_OPENLINEAGE_CREDENTIALS"),
    *("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE"),
)
"""What every container on a cluster must know: where the platform is, and its storage."""


def platform_variables(kubernetes: Mapping[str, Any]) -> set[str]:
    return {
        pair["envVar"]
        for one in kubernetes.get("configMapAsEnv", ())
        for pair in one["keyToEnv"]
        if one["configMapName"] == "atlas-platform"
    }
