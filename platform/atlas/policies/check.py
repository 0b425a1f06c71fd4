"""All policies over all resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.policies import (
    account_rules,
    cloud_rules,
    cluster_rules,
    iam_rules,
    pod_rules,
    unknown_rules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_MODULES = (pod_rules, cloud_rules, cluster_rules, account_rules, iam_rules, unknown_rules)
RULES: Sequence[tuple[str, Callable[[PlannedResource], Iterator[Problem]]]] = [
    rule for module in _MODULES for rule in module.RULES.items()
]
"""The rules that look at one resource at a time, each with its code."""
TOGETHER: Sequence[tuple[str, Callable[[Sequence[PlannedResource]], Iterator[Problem]]]] = [
    rule
    for module in (cluster_rules, cloud_rules, account_rules)
    for rule in module.TOGETHER.items()
]
"""The rules that need all resources: something else has to be there for one."""


def check(resources: Iterable[PlannedResource]) -> list[Problem]:
    """Return what is wrong with resources, by resource and then by code.

    A Kubernetes object is let off a rule by an annotation ``policies.atlas/<code>`` that says why,
    a resource of AWS by a tag of that name. What a preview doesn't know yet is reported as that,
    not as what is missing: K019.
    """
    known = list(resources)
    found = [problem for resource in known for problem in _of_one(resource)]
    found += [problem for _, rule in TOGETHER for problem in rule(known)]
    return sorted(
        found, key=lambda one: (one.file, one.path.partition(": ")[0], one.code, one.path)
    )


def _of_one(resource: PlannedResource) -> Iterator[Problem]:
    """Yield what is wrong with a resource by itself."""
    unknown = unknown_rules.unknown_paths(resource)
    for code, rule in RULES:
        if not resource.allows(code):
            for problem in rule(resource):
                path = problem.path.partition(": ")[2]
                if code == "K019" or not any(_overlap(path, one) for one in unknown):
                    yield problem


def _overlap(one: str, other: str) -> bool:
    """Tell whether a path is another, or leads to it, or comes after it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
