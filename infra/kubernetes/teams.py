"""Teams that share a platform: a namespace each, with what it may use and who may do what in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import pulumi

from infra.kubernetes.configuration import NAME, structure
from infra.kubernetes.namespaces import PlatformNamespace
from infra.kubernetes.workloads import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.manifests.objects import Manifest

STEPS = "atlas-steps"
"""The account of steps in a team's namespace."""
MEMBERS = "atlas-team"
LAUNCHER = "atlas-airflow"
GPU = "nvidia.com/gpu"
_QUANTITY = re.compile(r"[1-9][0-9]*(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@=,+ -]{0,252}")
_READ, _WRITE = ("get", "list", "watch"), ("create", "update", "patch", "delete")
_LAUNCH = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": [*_READ, "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
)
"""What Airflow does in a namespace in which it runs pods."""
_MEMBERS = (
    {
        "apiGroups": [""],
        "resources": ["pods", "persistentvolumeclaims"],
        "verbs": [*_READ, "delete"],
    },
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {
        "apiGroups": [""],
        "resources": ["events", "services", "resourcequotas", "limitranges", "serviceaccounts"],
        "verbs": [*_READ],
    },
    {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": [*_READ, *_WRITE]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": [*_READ, "delete"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": [*_READ, "delete"]},
)
"""What the people of a team do in its namespace: look, give secrets, and take away."""
_STEPS = (
    {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    },
)
"""What steps do to the cluster: tell Argo what has become of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team, and what its steps may use together.

    Attributes:
        name: its name, which is that of its namespace.
        group: the group of people, as the cluster's sign-in names it; empty for nobody's rights.
        cpu: cores, such as ``20`` or ``500m``.
        memory: bytes, such as ``64Gi``: of requests, and of limits.
        storage: bytes of all its volumes.
        pods: how many pods there may be at a time.
        gpus: how many GPUs.
    """

    name: str
    group: str = ""
    cpu: str = "20"
    memory: str = "64Gi"
    storage: str = "500Gi"
    pods: str = "100"
    gpus: str = "0"

    def namespace(self) -> PlatformNamespace:
        """Return its namespace."""
        return PlatformNamespace(name=self.name, runs_steps=True, team=self.name)

    def manifests(self, launchers: Sequence[tuple[str, str]]) -> list[Manifest]:
        """Return the objects of its namespace, besides the namespace and its network.

        Args:
            launchers: namespace and name of the accounts that start pods in it: Airflow's.
        """
        people = [{"kind": "Group", "apiGroup": _RBAC, "name": self.group}] if self.group else []
        accounts = [_account(*launcher) for launcher in launchers]
        steps = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(STEPS, self.name),
            "automountServiceAccountToken": False,
        }
        return [
            self.quota(),
            self.limits(),
            steps,
            *_role(STEPS, self.name, _STEPS, [_account(self.name, STEPS)]),
            *_role(MEMBERS, self.name, _MEMBERS, people),
            *_role(LAUNCHER, self.name, _LAUNCH, accounts),
        ]

    def quota(self) -> Manifest:
        """Return what its pods and volumes may have in all."""
        hard = {
            "requests.cpu": self.cpu,
            "requests.memory": self.memory,
            "limits.memory": self.memory,
            "requests.storage": self.storage,
            f"requests.{GPU}": self.gpus,
            "pods": self.pods,
            "services.loadbalancers": "0",
            "services.nodeports": "0",
        }
        return {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": metadata("atlas", self.name),
            "spec": {"hard": hard},
        }

    def limits(self) -> Manifest:
        """Return what a container has that says nothing: a quota takes none without."""
        container = {
            "type": "Container",
            "defaultRequest": {"cpu": "100m", "memory": "256Mi"},
            "default": {"memory": "1Gi"},
        }
        return {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": metadata("atlas", self.name),
            "spec": {"limits": [container]},
        }


_RBAC = "rbac.authorization.k8s.io"


def _account(namespace: str, name: str) -> dict[str, str]:
    """Return the subject of a binding that is an account."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def _role(
    name: str, namespace: str, rules: Sequence[Mapping[str, Any]], subjects: list[dict[str, str]]
) -> list[Manifest]:
    """Return a role and its binding; none where nobody has it."""
    if not subjects:
        return []
    role: Manifest = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata(name, namespace),
        "rules": [dict(rule) for rule in rules],
    }
    binding: Manifest = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": subjects,
    }
    return [role, binding]


def read(config: pulumi.Config, taken: Sequence[str]) -> tuple[Team, ...]:
    """Return the teams of a stack: a list of names, or an object of what each may use.

    Args:
        config: the stack's configuration.
        taken: the namespaces that the platform has itself.

    Raises:
        pulumi.RunError: a name isn't a namespace's or is taken, or a value can't be right.
    """
    found = structure(config, "teams", [])
    named = {one: {} for one in found} if _is_names(found) else found
    if not isinstance(named, dict):
        raise pulumi.RunError(
            f"atlas:teams: found {found!r}; expected a list of namespaces, or an object: "
            '{"team-a": {"group": "ml-a", "cpu": "20", "memory": "64Gi"}}'
        )
    for name in named:
        if not NAME.fullmatch(str(name)) or name in taken:
            why = "one of the platform's own" if name in taken else "none"
            raise pulumi.RunError(
                f"atlas:teams: found '{name}', {why}; expected names of namespaces: lower-case "
                "letters, digits and dashes"
            )
    return tuple(_team(str(name), raw) for name, raw in named.items())


def _is_names(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _team(name: str, raw: object) -> Team:
    """Return a team.

    Raises:
        pulumi.RunError: a key is unknown, or a value can't be right.
    """
    known = {one.name for one in fields(Team)} - {"name"}
    if not isinstance(raw, dict) or set(raw) - known:
        raise pulumi.RunError(
            f"atlas:teams: {name}: found {raw!r}; expected an object of {', '.join(sorted(known))}"
        )
    texts = {key: str(value) for key, value in raw.items()}
    for key, value in texts.items():
        wanted = _GROUP if key == "group" else _QUANTITY
        if not wanted.fullmatch(value) and (key, value) != ("gpus", "0"):
            kind = "the name of a group" if key == "group" else "an amount, such as 20 or 64Gi"
            raise pulumi.RunError(f"atlas:teams: {name}.{key}: found '{value}'; expected {kind}")
    return Team(name=name, **texts)
