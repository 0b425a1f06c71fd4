"""Teams that share a cluster, on a real API server: what each may do, and how much it gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from atlas.waiting import wait_until
from infra.kubernetes.namespaces import namespace
from infra.kubernetes.teams import MEMBERS, STEPS, Team
from tests.cluster.clusters import APPLY, Cluster, Refused
from tests.cluster.rights import Account, Person, Right, may

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
OWN = Team(name="atlas-test-a", group="oidc:ml-a", cpu="1", memory="2Gi", pods="3")
OTHER = Team(name="atlas-test-b", group="oidc:ml-b")
LAUNCHER = Account("atlas-test-a", "airflow-scheduler")
SECONDS = 60.0
CHANGING = ("create", "update", "patch", "delete")
ALLOWED = [
    *(("", "pods", verb) for verb in ("get", "list", "watch", "delete")),
    *(("", "persistentvolumeclaims", verb) for verb in ("get", "list", "watch", "delete")),
    ("", "pods/log", "get"),
    *(
        ("", kind, verb)
        for kind in ("secrets", "configmaps")
        for verb in ("get", "list", *CHANGING)
    ),
    *(("", kind, "list") for kind in ("events", "services", "resourcequotas", "limitranges")),
    *(("argoproj.io", "workflows", verb) for verb in ("get", "list", "watch", "delete")),
    *(("batch", "jobs", verb) for verb in ("get", "list", "watch", "delete")),
]
"""What a team's people do in its namespace, as docs/kubernetes.md says: group, resource, verb."""
DENIED = [
    *(("", "pods", verb) for verb in ("create", "update", "patch")),
    *(("", kind, "create") for kind in ("pods/exec", "pods/attach", "pods/portforward")),
    *(("", kind, verb) for kind in ("resourcequotas", "limitranges") for verb in CHANGING),
    *(("", kind, verb) for kind in ("serviceaccounts", "services") for verb in CHANGING),
    ("", "serviceaccounts/token", "create"),
    *(("apps", kind, "create") for kind in ("deployments", "statefulsets", "daemonsets")),
    ("batch", "jobs", "create"),
    ("argoproj.io", "workflows", "create"),
    *(
        ("rbac.authorization.k8s.io", kind, verb)
        for kind in ("roles", "rolebindings")
        for verb in ("list", *CHANGING, "bind", "escalate")
    ),
    ("networking.k8s.io", "networkpolicies", "delete"),
]
EVERYWHERE = [
    *(("", kind, verb) for kind in ("namespaces", "nodes") for verb in ("list", *CHANGING)),
    *(("", kind, "list") for kind in ("pods", "secrets", "configmaps")),
    *(
        ("rbac.authorization.k8s.io", kind, "create")
        for kind in ("clusterroles", "clusterrolebindings")
    ),
    ("", "users", "impersonate"),
    ("", "groups", "impersonate"),
]


@pytest.fixture(scope="module")
def teams(cluster: Cluster) -> Iterator[None]:
    """Two teams, with all that the platform makes for each."""
    spaces = [f"/api/v1/namespaces/{team.name}" for team in (OWN, OTHER)]
    try:
        for team in (OWN, OTHER):
            launchers = [(LAUNCHER.namespace, LAUNCHER.name)] if team is OWN else []
            parts = [*namespace(team.namespace(), "tests", "ingress"), *team.manifests(launchers)]
            for one in parts:
                way = "?fieldManager=tests&fieldValidation=Strict"
                cluster.ask(cluster.path(one) + way, one, "PATCH", APPLY)
        for space in spaces:
            quota = f"{space}/resourcequotas/atlas"
            account = f"{space}/serviceaccounts/default"
            assert wait_until(lambda at=quota: "hard" in cluster.ask(at)["status"], SECONDS, 0.2)
            assert wait_until(lambda at=account: cluster.find(at) is not None, SECONDS, 0.2)
        yield
    finally:
        for space in spaces:
            if cluster.find(space):
                cluster.ask(space, method="DELETE")
        assert wait_until(lambda: not any(map(cluster.find, spaces)), SECONDS, 0.2)


def may_all(cluster: Cluster, who: Account | Person, space: str, rights: list[Any]) -> set[Any]:
    """Return those of some rights that somebody has."""
    return {
        (group, resource, verb)
        for group, resource, verb in rights
        if may(cluster, who, Right(verb, resource, space, group))
    }


def test_people_do_in_their_namespace_what_the_page_says_and_nothing_else(
    cluster: Cluster, teams: None
) -> None:
    assert may_all(cluster, Person(OWN.group), OWN.name, [*ALLOWED, *DENIED]) == set(ALLOWED)


def test_people_do_nothing_in_the_namespace_of_another_team_or_everywhere(
    cluster: Cluster, teams: None
) -> None:
    person = Person(OWN.group)
    assert may_all(cluster, person, OTHER.name, [*ALLOWED, *DENIED]) == set()
    assert may_all(cluster, person, "kube-system", [*ALLOWED, *DENIED]) == set()
    assert may_all(cluster, person, "", EVERYWHERE) == set()
    assert may_all(cluster, Person("oidc:nobody"), OWN.name, [*ALLOWED, *DENIED]) == set()


def test_a_person_is_refused_by_a_request_for_real(cluster: Cluster, teams: None) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}, "type": "Opaque"}
    person = {"Impersonate-User": "somebody", "Impersonate-Group": OWN.group}
    own, other = (f"/api/v1/namespaces/{team.name}/secrets" for team in (OWN, OTHER))
    cluster.ask(own, secret, headers=person)
    with pytest.raises(Refused, match="403"):
        cluster.ask(other, secret, headers=person)
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{OWN.name}/roles/{MEMBERS}"
    with pytest.raises(Refused, match="403"):
        cluster.ask(role, {"rules": []}, "PATCH", "application/merge-patch+json", headers=person)


def test_steps_tell_argo_what_has_become_of_them_and_nothing_else(
    cluster: Cluster, teams: None
) -> None:
    steps = Account(OWN.name, STEPS)
    told = [("argoproj.io", "workflowtaskresults", verb) for verb in ("create", "patch")]
    assert may_all(cluster, steps, OWN.name, [*told, *ALLOWED, *DENIED]) == set(told)
    assert may_all(cluster, steps, OTHER.name, [*told, *ALLOWED, *DENIED]) == set()


def test_airflow_runs_pods_in_the_namespace_and_reads_no_secret(
    cluster: Cluster, teams: None
) -> None:
    wanted = [
        *(("", "pods", verb) for verb in ("get", "list", "watch", "create", "patch", "delete")),
        ("", "pods/log", "get"),
        ("", "pods/exec", "create"),
        ("", "events", "list"),
    ]
    rest = [one for one in (*ALLOWED, *DENIED) if one not in wanted]
    assert may_all(cluster, LAUNCHER, OWN.name, [*wanted, *rest]) == set(wanted)
    assert may_all(cluster, LAUNCHER, OTHER.name, [*wanted, *rest]) == set()


def pod(name: str, **container: Any) -> dict[str, Any]:
    """Return a pod of one container."""
    one = {"name": "own", "image": "registry.example/own:1", **container}
    spec = {"containers": [one], "serviceAccountName": STEPS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_a_teams_pods_get_defaults_and_no_more_than_its_quota(
    cluster: Cluster, teams: None
) -> None:
    pods = f"/api/v1/namespaces/{OWN.name}/pods"
    made = cluster.ask(pods, pod("first"))
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"memory": "1Gi"},
    }
    large = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    with pytest.raises(Refused, match=r"exceeded quota: atlas, requested: requests\.cpu=2"):
        cluster.ask(pods, pod("large", resources=large))
    gpu = {"limits": {"nvidia.com/gpu": "1", "memory": "1Mi"}}
    with pytest.raises(
        Refused, match=r"exceeded quota: atlas, requested: requests\.nvidia\.com/gpu=1"
    ):
        cluster.ask(pods, pod("gpu", resources=gpu))
    small = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}
    for name in ("second", "third"):
        cluster.ask(pods, pod(name, resources=small))
    with pytest.raises(Refused, match="exceeded quota: atlas, requested: pods=1"):
        cluster.ask(pods, pod("fourth", resources=small))
    cluster.ask(f"/api/v1/namespaces/{OTHER.name}/pods", pod("first"))


def test_a_team_makes_no_way_in_from_outside(cluster: Cluster, teams: None) -> None:
    services = f"/api/v1/namespaces/{OWN.name}/services"
    for type_ in ("LoadBalancer", "NodePort"):
        spec = {"type": type_, "selector": {"app": "own"}, "ports": [{"port": 80}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "way"}, "spec": spec}
        with pytest.raises(Refused, match="exceeded quota: atlas"):
            cluster.ask(services, service)


@pytest.mark.parametrize(
    "given",
    [
        {"securityContext": {"privileged": True}},
        {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
    ],
    ids=["privileged", "capability", "host-port"],
)
def test_a_pod_with_power_over_its_node_is_refused(
    cluster: Cluster, teams: None, given: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="violates PodSecurity"):
        cluster.ask(f"/api/v1/namespaces/{OTHER.name}/pods", pod("power", **given))
