"""The platform's program for a cluster, as the engine runs it: every resource, with mocks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from atlas.policies import check, manifest_resources
from infra.kubernetes.demand import demands
from infra.kubernetes.mlflow import MIGRATION
from infra.manifests import mirror
from infra.manifests.images import canonical, images
from tests.cluster_program import KEY, cache, declare
from tests.official_manifests import official
from tests.policed import unpoliced

OFFICIAL = [
    ("airflow", "local-executor"),
    ("kubeflow", "cluster-scoped-resources"),
    ("kubeflow", "platform-agnostic"),
    ("prometheus", "operator"),
]
SCHEMA = Path(__file__).parents[3] / "platform" / "atlas" / "schemas" / "outputs.v1.json"
OURS = {"airflow": "false", "kubeflow": "false", "prometheus": "false"}
"""Without what official manifests are needed for."""


def run(folder: Path, **settings: object) -> dict:
    done = declare(folder, **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """The platform's own services."""
    return run(tmp_path_factory.mktemp("state"), **OURS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The whole platform in size small."""
    state = tmp_path_factory.mktemp("state")
    cache(state, *OFFICIAL)
    return run(state)


def test_a_mirror_has_every_image_of_the_whole_platform(whole):
    pulled = images([opened(one["inputs"]) for one in objects(whole).values()])
    services = Path(mirror.SERVICES).glob("*/service.json")
    own = {json.loads(path.read_text()).get("image") for path in services} - {None}
    listed = set(map(canonical, own)) | images([official(*one) for one in OFFICIAL])
    assert pulled <= listed
    assert {one.partition("/")[0] for one in pulled} >= {"docker.io", "ghcr.io", "quay.io"}


def test_the_page_says_what_the_small_platform_asks_of_a_cluster(whole):
    asked = demands(opened(one["inputs"]) for one in objects(whole).values()).values()
    cores = sum(one.cpu for one in asked)
    memory = sum(one.memory for one in asked) / 2**30
    storage = sum(one.storage for one in asked) / 2**30
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
    assert f"| {cores:.1f} cores, {memory:.1f} GiB, {storage:.0f} GiB of volumes |" in page


def objects(printed):
    return {
        one["name"]: one
        for one in printed["resources"]
        if one["custom"] and "provider" in one and one["type"].startswith("kubernetes:")
    }


def opened(value):
    """Return an input with its secrets opened."""
    if isinstance(value, dict):
        return (
            opened(value["secret!"])
            if "secret!" in value
            else {k: opened(v) for k, v in value.items()}
        )
    return [opened(part) for part in value] if isinstance(value, list) else value


def hidden(value):
    """Return an input without its secrets."""
    if isinstance(value, dict):
        return "" if "secret!" in value else {k: hidden(v) for k, v in value.items()}
    return [hidden(part) for part in value] if isinstance(value, list) else value


def types(printed):
    return Counter(one["type"].removeprefix("kubernetes:") for one in printed["resources"])


def test_our_own_services_by_type(ours):
    assert types(ours) == {
        "pulumi:pulumi:Stack": 1, "pulumi:providers:kubernetes": 1,
        "atlas:kubernetes:Namespaces": 1, "atlas:kubernetes:Postgresql": 1,
        "atlas:kubernetes:ObjectStore": 1, "atlas:kubernetes:Registry": 1,
        "atlas:kubernetes:Pushgateway": 1, "atlas:kubernetes:Mlflow": 1,
        "atlas:kubernetes:Steps": 1,
        "core/v1:Namespace": 2, "networking.k8s.io/v1:NetworkPolicy": 15,
        "core/v1:ServiceAccount": 5, "core/v1:Service": 5, "core/v1:Secret": 6,
        "apps/v1:Deployment": 1, "apps/v1:StatefulSet": 4, "batch/v1:Job": 1,
        "batch/v1:CronJob": 1,
    }  # fmt: skip


def test_every_object_belongs_to_a_component_and_to_the_stacks_cluster(ours):
    for name, one in objects(ours).items():
        assert "atlas:kubernetes:" in one["parent"], name
        assert one["provider"].endswith("::cluster::cluster"), name


def test_objects_wait_for_their_namespace_and_for_what_they_stand_on(ours):
    known = objects(ours)
    after = {name: {urn.rpartition("::")[2] for urn in one["after"]} for name, one in known.items()}
    for name, one in known.items():
        space = one["inputs"]["metadata"].get("namespace")
        closed = f"{space}/NetworkPolicy/default-deny"
        home = f"Namespace/{space}" if name == closed else closed
        assert not space or home in after[name], f"{name} could come before its namespace"
        assert one["gone_with"].rpartition("::")[2] == (f"Namespace/{space}" if space else "")
    assert {"atlas/StatefulSet/postgresql", "atlas/StatefulSet/object-store"} <= (
        after["atlas/Deployment/mlflow"]
    )


def test_mlflows_database_is_migrated_by_the_version_that_serves_it(ours):
    pod = objects(ours)["atlas/Deployment/mlflow"]["inputs"]["spec"]["template"]["spec"]
    (first,), (main,) = pod["initContainers"], pod["containers"]
    assert first["command"] == list(MIGRATION)
    assert (first["image"], first["env"]) == (main["image"], main["env"])
    assert "MLFLOW_BACKEND_STORE_URI" in MIGRATION[-1]


def test_secrets_are_secret_and_nowhere_else(ours):
    known = objects(ours)
    passwords = {one["password"] for one in ours["credentials"].values()}
    for name, one in known.items():
        is_secret = one["inputs"]["kind"] == "Secret"
        assert one["secret"] == (["data", "stringData"] if is_secret else []), name
        plain = json.dumps(hidden(one["inputs"]))
        assert not [word for word in (*passwords, KEY) if word in plain], name
        if not is_secret:
            everything = json.dumps(opened(one["inputs"]))
            assert not [word for word in passwords if word in everything], name
    assert KEY not in json.dumps(ours["platform"])
    assert not [word for word in passwords if word in json.dumps(ours["platform"])]


def test_passwords_are_the_same_each_time_and_for_everybody_who_asks(ours, tmp_path):
    again = run(tmp_path, **OURS)
    assert again["credentials"] == ours["credentials"]
    assert set(ours["credentials"]) == {"mlflow", "pushgateway", "registry"}
    database = opened(objects(ours)["atlas/Secret/postgresql"]["inputs"]["stringData"])
    mlflow = opened(objects(ours)["atlas/Secret/mlflow"]["inputs"]["stringData"])
    assert mlflow["database"] == (
        f"postgresql://mlflow:{database['mlflow']}@postgresql.atlas.svc:5432/mlflow"
    )
    assert ours["credentials"]["mlflow"]["password"] in mlflow["basic_auth.ini"]


def test_a_server_starts_again_when_its_secret_changes_and_else_not(ours, tmp_path):
    def checksum(printed):
        template = objects(printed)["atlas/Deployment/mlflow"]["inputs"]["spec"]["template"]
        return template["metadata"]["annotations"]["atlas/secret"]

    assert checksum(run(tmp_path, **OURS)) == checksum(ours)
    assert checksum(run(tmp_path, **OURS, secretKey="z" * 40)) != checksum(ours)


def test_a_service_that_needs_another_says_so(tmp_path):
    done = declare(tmp_path, **OURS, postgresql="false")
    assert done.returncode != 0
    assert "atlas:postgresql: found false; expected it, or the URL of your own, for mlflow" in (
        done.stderr
    )


def test_a_database_of_ones_own_is_used(tmp_path):
    printed = run(tmp_path, **OURS, postgresql="postgresql://db.example:6432")
    known = objects(printed)
    assert not [name for name in known if "postgresql" in name]
    mlflow = opened(known["atlas/Secret/mlflow"]["inputs"]["stringData"])
    assert mlflow["database"].endswith("@db.example:6432/mlflow")


def test_services_of_somebody_else_are_in_the_outputs_and_nowhere_else(tmp_path):
    settings = {**OURS, "mlflow": "https://ml.example", "mlflowSecret": "team-ml"}
    printed = run(tmp_path, **settings, teams=["team-a"])
    assert printed["platform"]["services"]["mlflow"] == {
        "kind": "mlflow", "url": "https://ml.example", "workload_url": "https://ml.example",
        "credentials": "team-ml", "version": "",
    }  # fmt: skip
    known = objects(printed)
    assert not [name for name in known if "mlflow" in name]
    data = known["team-a/ConfigMap/atlas-platform"]["inputs"]["data"]
    assert data["ATLAS_MLFLOW_URL"] == "https://ml.example"
    assert "ATLAS_MLFLOW_CREDENTIALS" not in data


def test_outputs_meet_their_schema(ours):
    assert valid(ours["platform"]) == []
    assert (ours["platform"]["target"], ours["platform"]["version"]) == ("kubernetes", 1)
    assert {*ours["platform"]["services"]} == {
        "store",
        "secrets",
        "registry",
        "pushgateway",
        "mlflow",
    }


def valid(platform):
    import jsonschema

    schema = json.loads(SCHEMA.read_text("utf-8"))
    return [
        error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(platform)
    ]


def test_our_own_services_meet_every_policy(ours):
    found = [opened(one["inputs"]) for one in objects(ours).values()]
    assert [str(problem) for problem in check(manifest_resources(found))] == []


def test_nothing_has_to_become_ready_where_nobody_waits(tmp_path):
    for name, one in objects(run(tmp_path, **OURS, skipAwait="true")).items():
        skips = "pulumi.com/skipAwait" in one["inputs"]["metadata"]["annotations"]
        assert skips == (one["inputs"]["kind"] != "Namespace"), name


def test_official_manifests_that_differ_from_their_pin_are_refused_before_anything_is_made(
    tmp_path,
):
    mirror = tmp_path / "mirror" / "prometheus-88.5.3"
    mirror.mkdir(parents=True)
    (mirror / "operator.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n")
    settings = {**OURS, "prometheus": "true", "manifests": str(tmp_path / "mirror")}
    done = declare(tmp_path, **settings)
    assert done.returncode != 0
    assert "prometheus-88.5.3/operator.yaml: found objects of sha256" in done.stderr


def test_the_whole_platform_by_type(whole):
    found = types(whole)
    components = [name for name in found if name.startswith("atlas:kubernetes:")]
    assert len(components) == 10
    assert {name: found[name] for name in (
        "core/v1:Namespace", "apiextensions.k8s.io/v1:CustomResourceDefinition",
        "apps/v1:Deployment", "apps/v1:StatefulSet", "batch/v1:Job",
        "monitoring.coreos.com/v1:Prometheus", "networking.k8s.io/v1:NetworkPolicy",
    )} == {
        "core/v1:Namespace": 4, "apiextensions.k8s.io/v1:CustomResourceDefinition": 21,
        "apps/v1:Deployment": 21, "apps/v1:StatefulSet": 6, "batch/v1:Job": 3,
        "monitoring.coreos.com/v1:Prometheus": 1, "networking.k8s.io/v1:NetworkPolicy": 30,
    }  # fmt: skip


def test_the_whole_platform_meets_every_policy(whole):
    found = [opened(one["inputs"]) for one in objects(whole).values()]
    assert [str(problem) for problem in check(manifest_resources(found))] == []


def test_every_kind_has_a_policy_or_a_reason_why_not(whole):
    assert unpoliced(one["inputs"]["kind"] for one in objects(whole).values()) == set()


def test_kinds_come_before_their_objects(whole):
    known = objects(whole)
    for name, one in known.items():
        version = one["inputs"]["apiVersion"]
        if version.startswith("argoproj.io") or name.endswith(
            "/Prometheus/kps-kube-prometheus-stack-prometheus"
        ):
            assert any("CustomResourceDefinition" in urn for urn in one["after"]), name
    for space, name in (("monitoring", "pushgateway"), ("airflow", "airflow-statsd")):
        monitor = known[f"{space}/ServiceMonitor/{name}"]
        assert any("servicemonitors.monitoring.coreos.com" in urn for urn in monitor["after"])
        assert any("kube-prometheus-stack-operator" in urn for urn in monitor["after"])
        assert not monitor["gone_with"]


def test_no_object_lists_all_that_went_before_it(whole):
    lengths = {name: len(one["after"]) for name, one in objects(whole).items()}
    assert max(lengths.values()) <= 12, max(lengths, key=lengths.get)
    assert sum(lengths.values()) < 3 * len(lengths)


def test_every_namespace_of_steps_has_what_steps_need(whole):
    known = objects(whole)
    for space in ("airflow", "kubeflow"):
        data = known[f"{space}/ConfigMap/atlas-platform"]["inputs"]["data"]
        assert data["ATLAS_STORE"] == "s3://atlas/store"
        files = opened(known[f"{space}/Secret/atlas-platform"]["inputs"]["stringData"])
        assert json.loads(files["mlflow.json"]) == whole["credentials"]["mlflow"]
        assert set(files) == {"mlflow.json", "pushgateway.json", "aws"}


def test_servers_that_ask_for_no_password_are_behind_one_that_does(whole):
    known, services = objects(whole), whole["platform"]["services"]
    for name, space in (
        ("prometheus", "monitoring"), ("alertmanager", "monitoring"), ("kubeflow", "kubeflow"),
    ):  # fmt: skip
        assert services[name]["workload_url"] == f"http://{name}-gateway.{space}.svc:8080"
        assert services[name]["credentials"] == name
        files = opened(known[f"{space}/Secret/{name}-gateway"]["inputs"]["stringData"])
        password = whole["credentials"][name]["password"]
        assert f'"Bearer {password}" off;' in files["nginx.conf"]
        assert files["users"].startswith("atlas:{SSHA}")
        assert "@" not in files["nginx.conf"]


def test_no_page_without_a_password_has_a_way_in_from_outside(tmp_path):
    cache(tmp_path, *OFFICIAL)
    printed = run(tmp_path, domain="ml.example", issuer="letsencrypt")
    backends = {}
    for name, one in objects(printed).items():
        if "/Ingress/" in name:
            (rule,) = one["inputs"]["spec"]["rules"]
            (path,) = rule["http"]["paths"]
            backends[rule["host"]] = path["backend"]["service"]["name"]
    assert backends == {
        "airflow.ml.example": "airflow-api-server", "mlflow.ml.example": "mlflow",
        "registry.ml.example": "registry", "pushgateway.ml.example": "pushgateway",
        "kubeflow.ml.example": "kubeflow-gateway", "prometheus.ml.example": "prometheus-gateway",
        "alertmanager.ml.example": "alertmanager-gateway",
    }  # fmt: skip
    assert {*printed["credentials"]} == {host.partition(".")[0] for host in backends}
    server = objects(printed)["monitoring/Prometheus/kps-kube-prometheus-stack-prometheus"]
    assert server["inputs"]["spec"]["externalUrl"] == "https://prometheus.ml.example"


def test_only_airflows_namespace_has_what_starts_training(whole):
    known = objects(whole)
    assert [name for name in known if name.endswith("/ConfigMap/atlas-retraining")] == [
        "airflow/ConfigMap/atlas-retraining"
    ]
    data = known["airflow/ConfigMap/atlas-retraining"]["inputs"]["data"]
    assert data["ATLAS_KUBEFLOW_URL"] == "http://kubeflow-gateway.kubeflow.svc:8080"
    files = opened(known["airflow/Secret/atlas-retraining"]["inputs"]["stringData"])
    for name in ("airflow", "kubeflow"):
        assert json.loads(files[f"{name}.json"]) == whole["credentials"][name]
        assert data[f"ATLAS_{name.upper()}_CREDENTIALS"].endswith(f"/{name}.json")


def test_production_has_several_database_servers_and_their_backup(tmp_path):
    cache(tmp_path, ("cloudnative-pg", "operator"))
    printed = run(tmp_path, **OURS, size="production")
    known = objects(printed)
    cluster = known["atlas/Cluster/postgresql"]["inputs"]["spec"]
    assert cluster["instances"] == 3
    place = cluster["backup"]["barmanObjectStore"]
    assert place["destinationPath"] == "s3://atlas/postgresql"
    assert place["endpointURL"] == "http://object-store.atlas.svc:7070"
    assert {one["name"] for one in cluster["managed"]["roles"]} == {"airflow", "mlflow"}
    for name in ("airflow", "mlflow"):
        assert known[f"atlas/Database/postgresql-{name}"]["inputs"]["spec"]["owner"] == name
        secret = known[f"atlas/Secret/postgresql-{name}"]
        assert secret["inputs"]["type"] == "kubernetes.io/basic-auth"
        database = known[f"atlas/Database/postgresql-{name}"]
        assert any("databases.postgresql.cnpg.io" in urn for urn in database["after"])
        assert not database["gone_with"], "its operator sees it go"
    mlflow = opened(known["atlas/Secret/mlflow"]["inputs"]["stringData"])
    assert "@postgresql-rw.atlas.svc:5432/mlflow" in mlflow["database"]
    assert "Namespace/cnpg-system" in known
    assert not [name for name in known if "StatefulSet/postgresql" in name or "CronJob" in name]
    found = [opened(one["inputs"]) for one in known.values()]
    assert [str(problem) for problem in check(manifest_resources(found))] == []


def test_an_operator_that_is_there_is_used(tmp_path):
    printed = run(tmp_path, **OURS, size="production", **{"cloudnative_pg": "false"})
    known = objects(printed)
    assert "atlas/Cluster/postgresql" in known
    assert not [name for name in known if "cnpg" in name]


def test_databases_are_copied_each_night_where_there_is_a_place(ours, tmp_path):
    job = objects(ours)["atlas/CronJob/postgresql-backup"]["inputs"]["spec"]
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["initContainers"]] == ["dump"]
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert (variables["BUCKET"], variables["KEPT"]) == ("atlas", "14")
    settings = {**OURS, "mlflow": "false", "object_store": "false"}
    assert not [name for name in objects(run(tmp_path, **settings)) if "CronJob" in name]


def test_teams_have_a_namespace_each_with_all_in_it(tmp_path):
    settings = {"team-a": {"group": "ml-a"}, "team-b": {}}
    known = objects(run(tmp_path, **OURS, teams=settings))
    for team in settings:
        for one in (
            "ResourceQuota/atlas", "LimitRange/atlas", "ServiceAccount/atlas-steps",
            "NetworkPolicy/default-deny", "ConfigMap/atlas-platform", "Secret/atlas-platform",
        ):  # fmt: skip
            assert f"{team}/{one}" in known
    bindings = [name for name in known if name.endswith("RoleBinding/atlas-team")]
    assert bindings == ["team-a/RoleBinding/atlas-team"]
    found = [opened(one["inputs"]) for one in known.values()]
    assert [str(problem) for problem in check(manifest_resources(found))] == []


def test_the_whole_platforms_outputs(whole):
    services = whole["platform"]["services"]
    assert valid(whole["platform"]) == []
    assert {*services} == {
        "airflow", "dags", "mlflow", "prometheus", "alertmanager", "pushgateway", "registry",
        "kubeflow", "store", "secrets", "rules",
    }  # fmt: skip
    assert (services["airflow"]["tasks"], services["kubeflow"]["kind"]) == ("kubernetes", "kfp")
    assert services["rules"]["kind"] == "prometheusrules"
    assert services["rules"]["url"] == "kubernetes://monitoring?label=release%3Dkps"
    for name, one in services.items():
        assert one["credentials"] in (None, name)
