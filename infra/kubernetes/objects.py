"""Objects as Pulumi's resources: each its own, so that previews and policies see all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from infra.kubernetes.namespaces import DENIED
from infra.manifests.objects import DEFINITION, WEBHOOKS, Manifest, ObjectKey, phases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
"""Kinds that run pods: alone these have to wait for what they stand on."""
OPERATES = "atlas/operates"
"""The annotation of an operator: the group of the kinds whose objects it looks after."""
_SKIP = "pulumi.com/skipAwait"
_WAIT = "pulumi.com/waitFor"
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


@dataclass(frozen=True)
class DeclaredObjects:
    """What has been declared of a platform, as far as other objects wait for it.

    Each object names the few that it needs: lists of all that went before it would be most of the
    state, which Pulumi writes before and after each object.

    Attributes:
        namespaces: the namespaces, by name.
        denials: the policies that close them, by namespace.
        definitions: the definitions of kinds, by group and kind.
        operators: what looks after the objects of a group, by group: it is there before them, and
            after them, for whatever they want of it when they are deleted.
    """

    namespaces: dict[str, pulumi.Resource] = field(default_factory=dict)
    denials: dict[str, pulumi.Resource] = field(default_factory=dict)
    definitions: dict[tuple[str, str], pulumi.Resource] = field(default_factory=dict)
    operators: dict[str, pulumi.Resource] = field(default_factory=dict)

    def add(self, manifest: Manifest, resource: pulumi.Resource) -> None:
        """Note an object that others may wait for."""
        key = ObjectKey.of(manifest)
        group = _annotations(manifest).get(OPERATES)
        if group:
            self.operators[group] = resource
        if key.kind == "Namespace":
            self.namespaces[key.name] = resource
        elif (key.kind, key.name) == ("NetworkPolicy", DENIED):
            self.denials[key.namespace] = resource
        elif key.kind == DEFINITION:
            spec = manifest["spec"]
            self.definitions[spec["group"], spec["names"]["kind"]] = resource

    def is_custom(self, manifest: Manifest) -> bool:
        """Tell whether an object is of a kind that the platform defines."""
        key = ObjectKey.of(manifest)
        return (key.group, key.kind) in self.definitions

    def needed(self, manifest: Manifest) -> list[pulumi.Resource]:
        """Return what an object needs: its namespace, closed, and what knows its kind."""
        key = ObjectKey.of(manifest)
        home = self.denials.get(key.namespace) or self.namespaces.get(key.namespace)
        kind = self.definitions.get((key.group, key.kind))
        operator = self.operators.get(key.group)
        return [one for one in (home, kind, operator) if one is not None]

    def gone_with(self, manifest: Manifest) -> pulumi.Resource | None:
        """Return the namespace whose end is an object's end, too.

        Objects of the platform's own kinds are deleted one by one, while their operator runs.
        """
        if self.is_custom(manifest):
            return None
        return self.namespaces.get(ObjectKey.of(manifest).namespace)


def declare_objects(
    parent: pulumi.Resource,
    manifests: Sequence[Manifest],
    declared: DeclaredObjects,
    *,
    skip_await: bool = False,
    after: Sequence[pulumi.Resource] = (),
) -> dict[str, ClusterObject]:
    """Declare objects in the order in which a cluster takes them.

    Args:
        parent: the component that they belong to, which has the provider.
        manifests: the objects; values may be outputs.
        declared: what others have declared; these objects are noted in it.
        skip_await: whether to wait for nothing to become ready.
        after: what has to be there before anything runs that is declared here.

    Returns:
        The resources, by name. Webhooks wait for all others, which they would stand in the way of.
    """
    found: dict[str, ClusterObject] = {}
    for group in phases(manifests):
        before = list(found.values())
        for one in sorted(group, key=lambda one: OPERATES not in _annotations(one)):
            needed = declared.needed(one)
            if one["kind"] in RUNNING or declared.is_custom(one):
                needed += after
            if one["kind"] in WEBHOOKS:
                needed += before
            opts = pulumi.ResourceOptions(
                parent=parent, depends_on=needed, deleted_with=declared.gone_with(one)
            )
            made = ClusterObject(_waiting(one, skip_await=skip_await), opts)
            found[resource_name(one)] = made
            declared.add(one, made)
    return found


def ends(manifests: Sequence[Manifest], made: Mapping[str, ClusterObject]) -> list[ClusterObject]:
    """Return what others wait for who stand on a service: what runs, servers, webhooks.

    Args:
        manifests: the service's objects.
        made: their resources, by name.
    """
    return [made[resource_name(one)] for one in manifests if _is_waited_for(one)]


def _is_waited_for(manifest: Manifest) -> bool:
    """Tell whether what stands on a service waits for this object of it."""
    return manifest["kind"] in (*RUNNING, *WEBHOOKS) or _WAIT in _annotations(manifest)


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    return manifest["metadata"].get("annotations") or {}


def _waiting(manifest: Manifest, *, skip_await: bool) -> Manifest:
    """Return an object that Pulumi waits for, or doesn't.

    It would wait ten seconds for each Service, to see whether the pods behind it change; what runs
    them is waited for by itself. Of what comes first, it always waits for the end as well.
    """
    own, kind = manifest["metadata"], manifest["kind"]
    is_skipped = kind == "Service" or (skip_await and kind not in ("Namespace", DEFINITION))
    skip = {_SKIP: "true"} if is_skipped else {}
    annotations = {**_annotations(manifest), _FORCE: "true", **skip}
    return {**manifest, "metadata": {**own, "annotations": annotations}}
