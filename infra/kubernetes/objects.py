"""Objects as Pulumi's resources: each its own, so that previews and policies see all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.manifests.objects import Manifest, ObjectKey, phases

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKIP = "pulumi.com/skipAwait"
_FORCE = "pulumi.com/patchForce"
"""What the program says of an object holds, whoever has changed it by hand meanwhile."""


class ClusterObject(pulumi.CustomResource):
    """Any object of a cluster.

    The SDK has a class for each kind; here the kind is data, and the engine's type follows from it.
    """

    def __init__(self, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        """Declare an object."""
        hidden = ["data", "stringData"] if manifest["kind"] == "Secret" else None
        more = pulumi.ResourceOptions(additional_secret_outputs=hidden)
        super().__init__(
            token(manifest),
            resource_name(manifest),
            dict(manifest),
            pulumi.ResourceOptions.merge(opts, more),
        )


def token(manifest: Manifest) -> str:
    """Return the engine's type of an object: ``kubernetes:apps/v1:Deployment``."""
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"


def resource_name(manifest: Manifest) -> str:
    """Return the name of an object's resource, which only that object has in a cluster."""
    key = ObjectKey.of(manifest)
    return "/".join(part for part in (key.namespace, key.kind, key.name) if part)


def declare_objects(
    parent: pulumi.Resource,
    manifests: Sequence[Manifest],
    *,
    skip_await: bool = False,
    after: Sequence[pulumi.Resource] = (),
) -> list[ClusterObject]:
    """Declare objects in the order in which a cluster takes them.

    Args:
        parent: the component that they belong to, which has the provider.
        manifests: the objects; values may be outputs.
        skip_await: whether to wait for nothing to become ready.
        after: resources that have to be there first.

    Returns:
        The resources, in that order. Each waits for all of the group before its own: namespaces,
        definitions of kinds, everything else, webhooks.
    """
    found: list[ClusterObject] = []
    before: list[pulumi.Resource] = list(after)
    for group in phases(manifests):
        opts = pulumi.ResourceOptions(parent=parent, depends_on=before)
        made = [ClusterObject(_waiting(one, skip_await=skip_await), opts) for one in group]
        found += made
        before = [*after, *made]
    return found


def _waiting(manifest: Manifest, *, skip_await: bool) -> Manifest:
    """Return an object that Pulumi waits for, or doesn't."""
    own = manifest["metadata"]
    skip = {_SKIP: "true"} if skip_await else {}
    annotations = {**(own.get("annotations") or {}), _FORCE: "true", **skip}
    return {**manifest, "metadata": {**own, "annotations": annotations}}
