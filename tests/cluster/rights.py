"""What service accounts may do, as the API server itself says."""

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


@dataclass(frozen=True)
class Right:
    """Something that may be done: in a namespace, or anywhere in the cluster where that is empty."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} in {self.namespace or 'the cluster'}"


def may(cluster: Cluster, account: Account, right: Right) -> bool:
    """Tell whether an account may do something."""
    resource, _, subresource = right.resource.partition("/")
    everyone = "system:serviceaccounts"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{account.namespace}:{account.name}",
            "groups": [everyone, f"{everyone}:{account.namespace}", "system:authenticated"],
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
