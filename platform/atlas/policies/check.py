"""All policies over all resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.policies import cloud_rules, cluster_rules, pod_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {
    **pod_rules.RULES,
    **cloud_rules.RULES,
    **cluster_rules.RULES,
}
"""By its code, the rule that looks at one resource at a time."""
TOGETHER: Mapping[str, Callable[[Sequence[PlannedResource]], Iterator[Problem]]] = {
    **cluster_rules.TOGETHER,
    **cloud_rules.TOGETHER,
}
"""By its code, the rule that needs all resources: something else has to be there for one."""


def check(resources: Iterable[PlannedResource]) -> list[Problem]:
    """Return what is wrong with resources, by resource and then by code.

    A Kubernetes object is let off a rule by an annotation ``policies.atlas/<code>`` that says why.
    """
    known = list(resources)
    found = [
        problem
        for resource in known
        for code, rule in RULES.items()
        if not resource.allows(code)
        for problem in rule(resource)
    ]
    found += [problem for rule in TOGETHER.values() for problem in rule(known)]
    return sorted(
        found, key=lambda one: (one.file, one.path.partition(": ")[0], one.code, one.path)
    )
