"""Policies: what may not be in a cluster or an account, as rules over plain data.

The resources come from manifests or from what Pulumi is about to do; nothing of either is imported.
"""

from atlas.policies.check import check
from atlas.policies.reading import manifest_resources, read, update_resources
from atlas.policies.resource import PlannedResource

__all__ = ["PlannedResource", "check", "manifest_resources", "read", "update_resources"]
