"""A resource as policies see it: its type, its name, and what it is asked to be."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ALLOWED = "policies.atlas/"
"""In front of a code, the annotation by which an object says why it is let off that rule; on AWS,
the tag."""
CONTAINERS = ("initContainers", "containers")
_MARK = "4dabf18193072939515e22adb298388d"
"""The member by which a state of Pulumi's marks a value that isn't plain."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi's previews have in place of a value that isn't known yet."""
_TEMPLATES = {
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"),
        ("spec", "template", "spec"),
    ),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Pod": ("spec",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResource:
    """A resource that is to be made.

    Attributes:
        type: its type as Pulumi has it (``aws:s3/bucket:Bucket``); of a Kubernetes object,
            its kind.
        name: what people call it: of an object, its namespace and name.
        inputs: what it is asked to be.
        origin: the file that it is in; empty for none.
        urn: what Pulumi calls it; empty for an object of a manifest.
        provider: the URN of its provider; empty for none.
        references: by the name of an input, the URNs of the resources that it was taken from.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    origin: str = ""
    urn: str = ""
    provider: str = ""
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_object(self) -> bool:
        """Tell whether it is a Kubernetes object."""
        return "apiVersion" in self.inputs and "kind" in self.inputs

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the metadata of an object."""
        return mapping(self.inputs.get("metadata"))

    @property
    def namespace(self) -> str:
        """Return the namespace of an object; empty for none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return the spec of an object."""
        return mapping(self.inputs.get("spec"))

    def pod(self) -> Mapping[str, Any] | None:
        """Return the pod that an object starts; None for one that starts none."""
        if not self.is_object or self.type not in _TEMPLATES:
            return None
        found: Any = self.inputs
        for step in _TEMPLATES[self.type]:
            found = mapping(found).get(step)
        return mapping(found)

    def hidden(self) -> str:
        """Return the path of the secret that hides an object's containers; empty for none."""
        found: Any = self.inputs
        steps = _TEMPLATES.get(self.type, ()) if self.is_object else ()
        for depth, step in enumerate(steps, 1):
            found = mapping(found).get(step)
            if is_secret(found):
                return ".".join(steps[:depth])
        hidden = [kind for kind in CONTAINERS if is_secret(mapping(found).get(kind))]
        return ".".join((*steps, hidden[0])) if hidden else ""

    def pod_path(self) -> str:
        """Return the path of the pod in the object."""
        return ".".join(_TEMPLATES[self.type])

    def allows(self, code: str) -> bool:
        """Tell whether it says why it is let off a rule: with an empty reason it isn't."""
        reasons = mapping(self.metadata.get("annotations"))
        if not self.is_object:
            reasons = mapping(self.inputs.get("tags"))
        return bool(str(reasons.get(ALLOWED + code) or "").strip())

    def names(self, key: str, other: PlannedResource) -> bool:
        """Tell whether an input is another resource: by its name, or by what it was taken from.

        In a preview of what isn't there yet, what comes of a resource is unknown.
        """
        own = {other.inputs.get(one) for one in ("bucket", "name") if other.inputs.get(one)}
        is_taken = bool(other.urn) and other.urn in self.references.get(key, ())
        return is_taken or self.inputs.get(key) in {*own, other.name}

    def problem(
        self,
        code: str,
        path: str,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
        severity: str = "error",
    ) -> Problem:
        """Return a Problem of this resource."""
        at = f"{self.type} {self.name}"
        return Problem(
            code=code,
            message=message,
            file=self.origin,
            path=f"{at}: {path}" if path else at,
            found=found,
            expected=expected,
            hint=hint,
            severity=severity,
        )


def is_secret(value: Any) -> bool:
    """Tell whether a value is what Pulumi prints in place of a secret."""
    return value == "[secret]" or _MARK in mapping(value)


def is_unknown(value: Any) -> bool:
    """Tell whether a value is what a preview of Pulumi's has in place of one not known yet."""
    return isinstance(value, str) and value == _UNKNOWN


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that is a mapping; an empty one for what isn't."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a value that is a list; an empty one for what isn't."""
    return value if isinstance(value, list) else []


OPERATED: Mapping[str, str] = {
    **{"Prometheus": "image", "Alertmanager": "image", "ThanosRuler": "image"},
    **{"Cluster": "imageName"},
}
"""Kind of object of which an operator makes pods → where it names their image."""


def containers(resource: PlannedResource) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Return the containers of an object: path, container, and whether it runs before the others.

    One that goes on running beside the others counts as one of these. Of an object of which an
    operator makes pods, it is what the object says of theirs.
    """
    pod = resource.pod()
    if pod is None:
        image = OPERATED.get(resource.type) if resource.is_object else None
        if image is not None and resource.spec.get(image):
            said = {"image": resource.spec[image], "resources": resource.spec.get("resources")}
            yield "spec", said, False
        return
    for kind in CONTAINERS:
        known = [one for one in items(pod.get(kind)) if not is_unknown(one)]
        for container in map(mapping, known):
            is_first = kind == "initContainers" and container.get("restartPolicy") != "Always"
            yield f"{resource.pod_path()}.{kind}.{container.get('name', '')}", container, is_first
