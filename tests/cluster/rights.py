"""What service accounts and people may do, as the API server itself says."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.clusters import Cluster

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True)
class Account:
    """A service account."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def subject(self) -> dict[str, object]:
        """Who it is, for a review."""
        everyone = "system:serviceaccounts"
        groups = [everyone, f"{everyone}:{self.namespace}", "system:authenticated"]
        return {"user": f"system:serviceaccount:{self.namespace}:{self.name}", "groups": groups}


@dataclass(frozen=True)
class Person:
    """Somebody of a group."""

    group: str

    @property
    def subject(self) -> dict[str, object]:
        """Who it is, for a review."""
        return {"user": "somebody", "groups": [self.group, "system:authenticated"]}


@dataclass(frozen=True)
class Right:
    """Something that may be done: in a namespace, or anywhere in the cluster where that is empty."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} in {self.namespace or 'the cluster'}"


def may(cluster: Cluster, who: Account | Person, right: Right) -> bool:
    """Tell whether somebody may do something."""
    resource, _, subresource = right.resource.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            **who.subject,
            "resourceAttributes": {
                "verb": right.verb,
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "namespace": right.namespace,
            },
        },
    }
    return bool(cluster.ask(_REVIEWS, review)["status"]["allowed"])
