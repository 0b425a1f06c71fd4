"""All policies over all resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.policies import account_rules, cloud_rules, cluster_rules, iam_rules, pod_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

_MODULES = (pod_rules, cloud_rules, cluster_rules, account_rules, iam_rules)
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
    a resource of AWS by a tag of that name.
    """
    known = list(resources)
    found = [
        problem
        for resource in known
        for code, rule in RULES
        if not resource.allows(code)
        for problem in rule(resource)
    ]
    found += [problem for _, rule in TOGETHER for problem in rule(known)]
    return sorted(
        found, key=lambda one: (one.file, one.path.partition(": ")[0], one.code, one.path)
    )
