"""The platform on a cluster: settings, secrets, and the objects that pure functions make."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import bcrypt
import jsonschema
import pulumi
import pytest

from atlas.http.variables import STORAGE, VARIABLES
from atlas.policies import check, manifest_resources
from atlas.targets.monitors import services_here
from infra.kubernetes import (
    airflow,
    cloudnative_pg,
    kubeflow,
    prometheus,
    pushgateway,
    steps,
    teams,
)
from infra.kubernetes.namespaces import PlatformNamespace, namespace
from infra.kubernetes.objects import resource_name, token
from infra.kubernetes.secrets import PlatformSecrets, bcrypt_hash, checked, derive
from infra.kubernetes.services import KINDS, NAMESPACES, SERVICES, patched
from infra.kubernetes.settings import SETTINGS, ClusterSettings, IngressSettings
from infra.kubernetes.sizes import PRODUCTION, SIZES, SMALL
from infra.kubernetes.stack import namespaces
from infra.kubernetes.workloads import PodServer, budgets, ingress, job, server
from infra.manifests.images import ImageSources
from infra.outputs import Platform, ServiceOutput
from infra.services import ServiceData
from infra.settings import ROOT, Settings
from tests.official_manifests import official

KEY = "k" * 40


@pytest.fixture(autouse=True)
def configuration() -> Iterator[None]:
    yield
    pulumi.runtime.set_all_config({})


@pytest.fixture
def shared(tmp_path):
    return Settings(
        stack="dev", target="kubernetes", state=tmp_path, store="", python="python", parallelism=4
    )


def read(shared, **settings):
    texts = {
        name.replace("_", "-"): value if isinstance(value, str) else json.dumps(value)
        for name, value in {"secretKey": KEY, **settings}.items()
    }
    found = {f"atlas:{name}": value for name, value in texts.items() if value != "null"}
    pulumi.runtime.set_all_config(found, ["atlas:secretKey"])
    return ClusterSettings.read(shared, SERVICES)


def test_everything_has_a_default_but_the_key(shared):
    found = read(shared)
    assert (found.size, found.executor, found.multi_user) == (SMALL, "LocalExecutor", False)
    assert (found.store, found.dags) == ("s3://atlas/store", "s3://atlas/dags")
    assert (found.elsewhere, found.switched_off, found.teams) == ({}, frozenset(), ())
    assert found.ingress.host("airflow") == ""
    with pytest.raises(pulumi.RunError, match=r"atlas:secretKey: not set; .*openssl rand"):
        read(shared, secretKey=None)


def test_services_are_on_off_or_somebody_elses(shared):
    found = read(shared, airflow="false", mlflow="https://ml.example", mlflowSecret="team-ml")
    assert found.switched_off == {"airflow"}
    assert found.elsewhere == {"mlflow": "https://ml.example"}
    assert found.credentials == {"mlflow": "team-ml"}
    assert [spec.name for spec in namespaces(found)] == ["atlas", "monitoring", "kubeflow"]
    few = read(shared, prometheus="false", pushgateway="false", kubeflow="https://kf.example")
    assert [spec.name for spec in namespaces(few)] == ["atlas", "airflow"]


def test_every_setting_is_taken(shared, tmp_path):
    found = read(
        shared, size="production", domain="ml.example.com", issuer="letsencrypt",
        executor="KubernetesExecutor", kubeflowMode="multi-user", kubeflowDatabase="db:3306",
        storageClass="fast", images={"*": "hub.example"}, imageDigests={"a": "sha256:b"},
        pullSecret="hub", teams=["team-a"], manifests=str(tmp_path), digests={"f": "0"},
        store="s3://corp/atlas/", dags="git+https://git.example/dags#prod", parallelism="9",
        skipAwait="true", region="eu-west-1",
    )  # fmt: skip
    assert found.size is PRODUCTION
    assert found.ingress.host("mlflow") == "mlflow.ml.example.com"
    assert found.images == ImageSources(mirrors={"*": "hub.example"}, digests={"a": "sha256:b"})
    assert (found.store, found.region, found.parallelism) == ("s3://corp/atlas", "eu-west-1", 9)
    assert (found.multi_user, found.kubeflow_database, found.skip_await) == (True, "db:3306", True)
    assert found.manifests.mirror == tmp_path
    assert namespaces(found)[-1] == PlatformNamespace(name="team-a", runs_steps=True, team="team-a")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sise": "small"}, "atlas:sise: there is no such setting on a cluster (did you mean 'atlas:size'?)"),
        ({"size": "large"}, "atlas:size: found 'large'; expected one of small, production"),
        ({"executor": "CeleryExecutor"}, "expected one of LocalExecutor, KubernetesExecutor"),
        ({"store": "file:///data"}, "atlas:store: found 'file:///data'; expected s3://"),
        ({"store": "s3://user:pw@bucket"}, "without a user"),
        ({"dags": "/dags"}, "expected s3://… or git+https://…"),
        ({"dagsToken": "t"}, "atlas:dagsToken: set, and atlas:dags isn't a repository; expected git+"),
        ({"dags": "git+https://a/b", "dagsUser": "ci"}, "atlas:dagsUser: set without atlas:dagsToken"),
        ({"domain": "ml.example.com"}, "atlas:domain: set without atlas:issuer"),
        ({"domain": "ml example", "issuer": "a"}, "atlas:domain: found 'ml example'"),
        ({"airflow": "off"}, "atlas:airflow: found 'off'; expected true, false, or the URL"),
        ({"mlflow": "https://a:b@host"}, "without a user (atlas:mlflowSecret names its secret)"),
        ({"teams": "team-a"}, "atlas:teams: found 'team-a'; expected a list"),
        ({"teams": ["Team A"]}, "expected names of namespaces"),
        ({"teams": ["airflow"]}, "found 'airflow', one of the platform's own"),
        ({"teams": {"a": {"cpus": 2}}}, "expected an object of cpu, gpus, group, memory, pods, storage"),
        ({"teams": {"a": {"cpu": "much"}}}, "atlas:teams: a.cpu: found 'much'; expected an amount"),

        ({"parallelism": "0"}, "atlas:parallelism: found 0; expected 1 or more"),
        ({"parallelism": "-4"}, "atlas:parallelism: found -4; expected 1 or more"),
        ({"parallelism": "many"}, "atlas:parallelism: found 'many'; expected a whole number, 1 or more"),
        ({"skipAwait": "perhaps"}, "atlas:skipAwait: found 'perhaps'; expected true or false"),
        ({"images": ["a"]}, "expected an object of texts"),
        ({"images": "hub.example"}, "atlas:images: found 'hub.example'; expected an object"),
        ({"kubeflowDatabase": "db"}, "expected host:port"),
        ({"manifests": "here"}, "expected an absolute folder"),
        ({"manifests": "/no/such/folder"}, "expected an absolute folder"),
        ({"pullSecret": "a b"}, "expected lower-case letters, digits and dashes"),
    ],
)  # fmt: skip
def test_a_setting_that_can_not_be_right_is_refused_before_anything_is_made(shared, settings, said):
    with pytest.raises(pulumi.RunError) as caught:
        read(shared, **settings)
    assert said in str(caught.value)


def test_secrets_are_derived_and_differ():
    names = ("airflow", "mlflow", "postgresql-airflow")
    found = {name: derive(KEY, "dev", name) for name in names}
    assert len(set(found.values())) == len(names)
    assert derive(KEY, "dev", "airflow") == found["airflow"]
    assert derive(KEY, "prod", "airflow") != found["airflow"]
    assert derive(KEY + "x", "dev", "airflow") != found["airflow"]
    with pytest.raises(pulumi.RunError, match="found 5 characters; expected at least 32"):
        checked("short")


def test_a_password_is_hashed_the_same_each_time_and_opens_what_it_is_of():
    password = derive(KEY, "dev", "registry")
    assert bcrypt_hash(password) == bcrypt_hash(password)
    assert bcrypt.checkpw(password.hex().encode(), bcrypt_hash(password).encode())
    assert bcrypt_hash(password) != bcrypt_hash(derive(KEY, "dev", "pushgateway"))


def test_objects_have_the_engines_types_and_names_of_their_own():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b"}}
    assert (token(secret), resource_name(secret)) == ("kubernetes:core/v1:Secret", "b/Secret/a")
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}}
    assert token(kind) == "kubernetes:argoproj.io/v1alpha1:Workflow"
    assert resource_name(kind) == "Workflow/w"


SPEC = PodServer(
    name="web", namespace="atlas", image="hub.example/web:1", port=80, user=7,
    probe={"tcpSocket": {"port": 80}}, env={"A": "b", "S": {"secretKeyRef": {}}},
    files={"/etc/web": "web"},
)  # fmt: skip


def settings(**changes):
    key = pulumi.Output.from_input(KEY)
    return ClusterSettings(
        stack="dev", vault="file:///vault", secrets=PlatformSecrets(key, "dev"), **changes
    )


def problems(manifests):
    return [str(problem) for problem in check(manifest_resources(manifests))]


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
@pytest.mark.parametrize("volume", ["", "/data"])
def test_a_server_of_ours_meets_every_policy(size, volume):
    spec = PodServer(**{name: getattr(SPEC, name) for name in SPEC.__slots__} | {
        "volume": volume, "replicas": 1 if volume else size.replicas,
    })  # fmt: skip
    objects = server(spec) + ingress(
        IngressSettings(domain="a.b", issuer="c"), "web", "atlas", "web", 80
    )
    assert problems(patched(settings(size=size), objects)) == []
    kinds = [one["kind"] for one in objects]
    workload = "StatefulSet" if volume else "Deployment"
    budget = ["PodDisruptionBudget"] if spec.replicas > 1 else []
    assert kinds == ["ServiceAccount", workload, "Service", *budget, "Ingress"]


def test_a_server_runs_its_migration_before_it_with_all_that_it_has():
    known = {name: getattr(SPEC, name) for name in SPEC.__slots__}
    spec = PodServer(**known | {"migration": ("migrate", "--now")})
    objects = patched(settings(), server(spec))
    assert problems(objects) == []
    (found,) = [one for one in objects if one["kind"] == "Deployment"]
    assert found["spec"]["strategy"] == {"type": "Recreate"}, "none of before serves meanwhile"
    pod = found["spec"]["template"]["spec"]
    (first,), (main,) = pod["initContainers"], pod["containers"]
    assert first["command"] == ["migrate", "--now"]
    shared = ("image", "env", "volumeMounts", "securityContext")
    assert {key: first[key] for key in shared} == {key: main[key] for key in shared}
    assert not first.keys() & {"ports", "readinessProbe", "livenessProbe"}


def test_a_job_meets_every_policy_and_has_no_account():
    (found,) = patched(settings(), [job(SPEC, "web-1")])
    assert problems([found]) == []
    assert "serviceAccountName" not in found["spec"]["template"]["spec"]


def test_without_a_domain_there_is_no_way_in():
    assert ingress(IngressSettings(), "web", "atlas", "web", 80) == []
    (way,) = ingress(IngressSettings(domain="a.b", tls_secret="cert"), "web", "atlas", "web", 80)
    assert way["spec"]["tls"] == [{"hosts": ["web.a.b"], "secretName": "cert"}]
    assert way["metadata"]["annotations"] == {}


@pytest.mark.parametrize("spec", NAMESPACES.values(), ids=lambda spec: spec.name)
def test_a_namespace_denies_what_it_does_not_allow(spec):
    found = namespace(spec, "dev", "ingress-nginx")
    assert problems(found) == []
    names = [one["metadata"]["name"] for one in found]
    assert names[:7] == [
        *(spec.name, "default-deny", "allow-dns", "allow-own", "allow-platform-in"),
        *("allow-platform-out", "allow-https"),
    ]
    assert ("allow-ingress-controller" in names) == spec.has_ingress
    enforced = found[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == ("baseline" if spec.runs_steps else "restricted")
    assert found[1]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def selected(manifests, name):
    return named(manifests, f"NetworkPolicy {name}")["spec"]["podSelector"]


@pytest.mark.parametrize(("space", "ways"), [
    ("monitoring", ["prometheus-gateway", "alertmanager-gateway", "pushgateway"]),
    ("kubeflow", ["kubeflow-gateway"]),
])  # fmt: skip
def test_what_asks_for_no_password_is_reached_by_its_gateway_alone(space, ways):
    found = namespace(NAMESPACES[space], "dev", "ingress-nginx")
    wanted = {
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ways}]
    }
    for name in ("allow-platform-in", "allow-ingress-controller"):
        assert selected(found, name) == wanted
    opened = [
        one["metadata"]["name"]
        for one in found
        if one["kind"] == "NetworkPolicy"
        and one["spec"].get("ingress")
        and one["spec"]["podSelector"] == {}
    ]
    assert opened == ["allow-own"], "from pods of the namespace itself"
    peers = named(found, "NetworkPolicy allow-own")["spec"]["ingress"][0]["from"]
    assert peers == [{"podSelector": {}}]


def test_no_team_reaches_another():
    (team,) = read_teams(["team-a"])
    found = namespace(team.namespace(), "dev", "ingress-nginx")
    assert found[0]["metadata"]["labels"]["atlas/team"] == "team-a"
    for name, way, side in (("in", "ingress", "from"), ("out", "egress", "to")):
        ((peer,),) = [
            rule[side] for rule in named(found, f"NetworkPolicy allow-platform-{name}")["spec"][way]
        ]
        assert peer["namespaceSelector"] == {
            "matchLabels": {"atlas/platform": "dev"},
            "matchExpressions": [{"key": "atlas/team", "operator": "DoesNotExist"}],
        }


def read_teams(found):
    pulumi.runtime.set_all_config({"atlas:teams": json.dumps(found)})
    return teams.read(pulumi.Config("atlas"), ("atlas",))


def test_a_team_has_a_quota_and_its_people_have_rights_in_its_namespace_alone():
    (team,) = read_teams({"team-a": {"group": "oidc:ml-a", "cpu": 8, "memory": "32Gi", "gpus": 2}})
    found = team.manifests([("airflow", "airflow-scheduler")])
    assert problems(found) == []
    assert {one["metadata"]["namespace"] for one in found} == {"team-a"}
    hard = named(found, "ResourceQuota atlas")["spec"]["hard"]
    assert (hard["requests.cpu"], hard["limits.memory"], hard["requests.nvidia.com/gpu"]) == (
        "8", "32Gi", "2",
    )  # fmt: skip
    (limit,) = named(found, "LimitRange atlas")["spec"]["limits"]
    assert limit["defaultRequest"] == {"cpu": "100m", "memory": "256Mi"}
    (people,) = named(found, "RoleBinding atlas-team")["subjects"]
    assert (people["kind"], people["name"]) == ("Group", "oidc:ml-a")
    (airflow_,) = named(found, "RoleBinding atlas-airflow")["subjects"]
    assert (airflow_["name"], airflow_["namespace"]) == ("airflow-scheduler", "airflow")
    assert named(found, "ServiceAccount atlas-steps")["automountServiceAccountToken"] is False


def test_nobody_has_rights_in_a_namespace_of_a_team_without_a_group():
    (team,) = read_teams(["team-a"])
    kinds = [f"{one['kind']} {one['metadata']['name']}" for one in team.manifests([])]
    assert "RoleBinding atlas-steps" in kinds
    assert not [one for one in kinds if "atlas-team" in one or "atlas-airflow" in one]


def test_monitors_get_what_starts_training():
    at = ServiceOutput.at
    services = {
        "store": at("s3", "s3://atlas/store"),
        "airflow": at("airflow", "http://airflow", credentials="airflow"),
        "kubeflow": at("kfp", "http://kf", credentials="team-kf", namespace="team-a"),
    }
    platform = Platform(stack="dev", target="kubernetes", services=services)
    assert steps.retraining_variables(platform, ["airflow"]) == {
        "ATLAS_AIRFLOW_URL": "http://airflow",
        "ATLAS_AIRFLOW_CREDENTIALS": "/var/run/secrets/atlas-retraining/airflow.json",
        "ATLAS_KUBEFLOW_URL": "http://kf",
        "ATLAS_KUBEFLOW_NAMESPACE": "team-a",
    }
    assert {*services_here(steps.retraining_variables(platform, ["airflow"]))} == {
        "airflow", "kubeflow",
    }  # fmt: skip


def test_steps_get_the_variables_that_they_look_for():
    at = ServiceOutput.at
    services = {
        "store": at("s3", "s3://atlas/store"),
        "mlflow": at("mlflow", "http://mlflow", credentials="mlflow"),
        "pushgateway": at("pushgateway", "http://push", credentials="pushgateway"),
        "openlineage": at("openlineage", "http://lineage"),
    }
    platform = Platform(stack="dev", target="kubernetes", services=services)
    own = ("mlflow", "pushgateway")
    found = steps.variables(platform, "http://s3", "eu-west-1", own)
    assert {name for name in VARIABLES if name != "ATLAS_OPENLINEAGE_CREDENTIALS"} <= {*found}
    assert {*STORAGE} <= {*found}
    assert found["ATLAS_MLFLOW_CREDENTIALS"] == "/var/run/secrets/atlas/mlflow.json"
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == "/var/run/secrets/atlas/aws"
    assert found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert "AWS_ENDPOINT_URL" not in steps.variables(platform, "", "eu-west-1", own)
    assert steps.aws_file("key").splitlines()[2] == "aws_secret_access_key = key"


@pytest.mark.parametrize(("dags", "bundle", "kwargs"), [
    ("s3://atlas/dags/a", "S3DagBundle",
     {"aws_conn_id": "atlas_store", "bucket_name": "atlas", "prefix": "dags/a"}),
    ("git+https://git.example/dags#prod", "GitDagBundle",
     {"repo_url": "https://git.example/dags", "tracking_ref": "prod"}),
    ("git+https://git.example/dags", "GitDagBundle",
     {"repo_url": "https://git.example/dags", "tracking_ref": "main"}),
])  # fmt: skip
def test_dag_files_come_from_s3_or_git(dags, bundle, kwargs):
    found = airflow.bundle(settings(dags=dags))
    assert found["classpath"].endswith(f".{bundle}")
    assert found["kwargs"] == kwargs


def test_a_private_repository_is_read_by_a_connection_that_only_a_secret_has(shared):
    @pulumi.runtime.test
    def opened():
        found = read(
            shared, dags="git+https://git.example/dags#prod", dagsUser="ci", dagsToken="s3"
        )
        seen.append(airflow.bundle(found)["kwargs"]["git_conn_id"])
        connection = found.dags_connection
        known = pulumi.Output.all(connection.apply(json.loads), connection.is_secret())
        return known.apply(seen.extend)

    seen = []
    opened()
    assert seen == [
        "atlas_dags", {"conn_type": "git", "login": "ci", "password": "s3"}, True
    ]  # fmt: skip
    rendered = official("airflow", "local-executor")
    secrets = {**SECRETS, "airflow-dags": {"connection": "in the Secret alone"}}
    known = settings(dags="git+https://git.example/dags#prod")
    manifests = airflow.manifests(rendered, known, secrets)
    (secret,) = [one for one in manifests if one["metadata"]["name"] == "airflow-dags"]
    assert secret["stringData"] == {"connection": "in the Secret alone"}
    (one,) = [
        one for one in airflow.variables(known, secrets) if one["name"] == "AIRFLOW_CONN_ATLAS_DAGS"
    ]
    assert one["valueFrom"] == {"secretKeyRef": {"name": "airflow-dags", "key": "connection"}}


def test_every_service_has_a_module_and_data():
    for name, declared in SERVICES.items():
        assert ServiceData.load(name).version
        module = declared.partition(":")[0]
        assert module == f"infra.kubernetes.{name.replace('-', '_')}"
    assert set(KINDS) <= set(SERVICES)


def test_the_images_of_our_own_servers_have_a_version():
    for name in ("postgresql", "object-store", "registry", "pushgateway", "mlflow"):
        image = ServiceData.load(name).image
        assert image.partition("/")[0].count(".")
        assert image.rpartition(":")[2].strip("v")[0].isdigit()


def named(manifests, title):
    (found,) = [one for one in manifests if f"{one['kind']} {one['metadata']['name']}" == title]
    return found


PASSWORDS = {"store": "store-password", "database": "database-password"}


def of_kubeflow(*names, **changes):
    rendered = [one for name in names for one in official("kubeflow", name)]
    options = {"database": "", "replicas": 1, "multi_user": names == kubeflow.MULTI, **changes}
    return kubeflow.manifests(rendered, PASSWORDS, **options)


@pytest.mark.parametrize("mode", [kubeflow.SINGLE, kubeflow.MULTI], ids=["single", "multi"])
@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_kubeflow_meets_every_policy(mode, size):
    found = of_kubeflow(*mode, replicas=size.replicas)
    assert problems(patched(settings(size=size), found)) == []
    assert bool(budgets(found)) == (size.replicas > 1)


def test_kubeflow_has_secrets_of_its_own_and_logs_no_run_twice():
    found = of_kubeflow(*kubeflow.SINGLE)
    secrets = {
        one["metadata"]["name"]: one["stringData"] for one in found if one["kind"] == "Secret"
    }
    assert secrets == {
        "mlpipeline-minio-artifact": {"accesskey": "atlas", "secretkey": "store-password"},
        "mysql-secret": {"username": "root", "password": "database-password"},
    }
    text = json.dumps([one for one in found if one["kind"] != "Secret"], default=str)
    assert "minio123" not in text
    assert "MYSQL_ALLOW_EMPTY_PASSWORD" not in text
    (server,) = named(found, "Deployment ml-pipeline")["spec"]["template"]["spec"]["containers"]
    (mount,) = [one for one in server["volumeMounts"] if one["mountPath"].startswith("/config")]
    config = named(found, f"ConfigMap {mount['name']}")["data"][mount["subPath"]]
    assert "plugins" not in json.loads(config)
    assert not any("cache" in one["metadata"]["name"] for one in found)


def test_steps_of_kubeflow_may_do_what_they_need():
    (role,) = [
        one
        for one in of_kubeflow(*kubeflow.SINGLE)
        if one["metadata"]["name"] == "pipeline-runner" and one["kind"] == "Role"
    ]
    by_resource = {name: rule for rule in role["rules"] for name in rule["resources"]}
    assert by_resource["secrets"]["resourceNames"] == ["mlpipeline-minio-artifact"]
    assert "create" not in by_resource["pods"]["verbs"]
    assert "jobs" not in by_resource


def test_kubeflow_takes_a_database_of_ones_own():
    found = of_kubeflow(*kubeflow.SINGLE, database="db.example:3307")
    data = named(found, "ConfigMap pipeline-install-config")["data"]
    assert (data["mysqlHost"], data["mysqlPort"]) == ("db.example", "3307")
    assert not [one for one in found if one["metadata"]["name"] in ("mysql", "mysql-pv-claim")]


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_prometheus_meets_every_policy_and_has_room(size):
    found = prometheus.manifests(official("prometheus", "operator"), size, "fast")
    assert problems(patched(settings(size=size), found)) == []
    for name in ("prometheus", "alertmanager"):
        (server,) = [one for one in found if one["kind"] == name.capitalize()]
        volume = server["spec"]["storage"]["volumeClaimTemplate"]["spec"]
        assert volume["storageClassName"] == "fast"
        assert volume["resources"]["requests"]["storage"] == size.volumes[name]
        assert server["spec"]["replicas"] == size.replicas
        assert "limits" in server["spec"]["resources"]
    assert not [one for one in found if "node-exporter" in one["metadata"]["name"]]
    pod = named(found, "Deployment kps-kube-prometheus-stack-operator")["spec"]["template"]["spec"]
    arguments = pod["containers"][0]["args"]
    assert arguments.count("--config-reloader-memory-limit=128Mi") == 1
    assert "--config-reloader-memory-limit=0" not in arguments
    boards = [one for one in found if one["metadata"]["name"].startswith("dashboard-")]
    assert all(json.loads(next(iter(one["data"].values())))["panels"] for one in boards)


SECRETS = {name: {"key": "value"} for name in ("airflow-metadata", "airflow-store")}


@pytest.mark.parametrize("executor", airflow.RENDERINGS)
@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_airflow_meets_every_policy(executor, size):
    rendered = official("airflow", airflow.RENDERINGS[executor])
    known = settings(size=size, executor=executor)
    found = patched(known, airflow.manifests(rendered, known, SECRETS))
    assert problems(found) == []
    spaces = {one["metadata"].get("namespace") for one in found}
    assert spaces == {"airflow"}


def test_airflow_is_set_up_by_variables_in_each_of_its_parts():
    rendered = official("airflow", "local-executor")
    known = settings(parallelism=7, ingress=IngressSettings(domain="a.b", issuer="c"))
    found = airflow.manifests(rendered, known, SECRETS)
    seen = {}
    for manifest in found:
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
            seen[container["name"]] = (
                {one["name"]: one.get("value") for one in container["env"]}
                if container.get("env")
                else {}
            )
    for name in (*airflow.CONTAINERS, "create-user"):
        assert seen[name]["AIRFLOW__CORE__PARALLELISM"] == "7", name
        assert seen[name]["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] == "True"
        assert seen[name]["AIRFLOW__API__BASE_URL"] == "https://airflow.a.b"
        assert seen[name]["ATLAS_MLFLOW_PAGE"] == "https://mlflow.a.b"
        assert (
            json.loads(seen[name]["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])[0]["name"]
            == "atlas"
        )
        assert seen[name]["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] == "s3://atlas/airflow-logs"
    assert "AIRFLOW__CORE__PARALLELISM" not in seen["scheduler-log-groomer"]
    migration = named(found, "Job airflow-run-airflow-migrations")
    assert "ttlSecondsAfterFinished" not in migration["spec"], "Pulumi would make it again"


def test_several_database_servers_meet_the_definitions_of_their_kinds_and_every_policy():
    rendered = official("cloudnative-pg", "operator")
    known = settings(size=PRODUCTION, storage_class="fast", pull_secret="hub")
    passwords = dict.fromkeys(("postgresql", "airflow", "mlflow"), "password")
    found = [
        *patched(known, cloudnative_pg.manifests(rendered, PRODUCTION)),
        *patched(known, cloudnative_pg.servers(known, passwords, "http://s3")),
    ]
    space = namespace(NAMESPACES["cnpg-system"], "dev", "ingress-nginx")
    assert problems([*found, *space, *namespace(NAMESPACES["atlas"], "dev", "x")]) == []
    assert named(space, "NetworkPolicy allow-webhooks")["spec"]["ingress"] == [
        {"ports": [{"port": 9443, "protocol": "TCP"}]}
    ]
    checks = by_kind(one for one in rendered if one["kind"] == "CustomResourceDefinition")
    custom = [one for one in found if (one["apiVersion"], one["kind"]) in checks]
    assert {one["kind"] for one in custom} == {"Cluster", "Database", "ScheduledBackup"}
    for one in custom:
        plain = {"apiVersion": "a", "kind": "b", "metadata": {}, "spec": one["spec"]}
        errors = [*checks[one["apiVersion"], one["kind"]].iter_errors(plain)]
        assert [error.message for error in errors] == [], one["metadata"]["name"]


def test_fernet_keys_are_what_fernet_takes():
    found = base64.urlsafe_b64encode(derive(KEY, "dev", "airflow-fernet")).decode()
    assert len(base64.urlsafe_b64decode(found)) == 32


def test_every_setting_is_on_the_page():
    page = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    shared = {"target", "state"}
    told = set(re.findall(r"`atlas:(\w+)`", page.split("## Settings")[1].split("\n## ")[0]))
    assert told == SETTINGS - shared


def by_kind(definitions):
    """Return what checks an object of each kind, by its definition."""
    found = {}
    for definition in definitions:
        for version in definition["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            group = definition["spec"]["group"]
            key = (f"{group}/{version['name']}", definition["spec"]["names"]["kind"])
            found[key] = jsonschema.Draft7Validator(strict(schema))
    return found


def strict(schema):
    """Return a schema that takes no field that it doesn't name, as strict validation does."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(part) for key, part in schema.items()}
    keeps = closed.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in closed
    has_fields = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return closed if keeps or not has_fields else {**closed, "additionalProperties": False}


def test_objects_of_prometheus_meet_the_definitions_of_their_kinds():
    rendered = official("prometheus", "operator")
    found = [
        *patched(settings(), prometheus.manifests(rendered, SMALL, "fast")),
        airflow.statsd_monitor(),
        *(one for one in pushgateway.scraped("password") if one["kind"] == "ServiceMonitor"),
    ]
    checks = by_kind(one for one in rendered if one["kind"] == "CustomResourceDefinition")
    custom = [one for one in found if (one["apiVersion"], one["kind"]) in checks]
    assert {one["kind"] for one in custom} == {
        "Alertmanager", "Prometheus", "PrometheusRule", "ServiceMonitor",
    }  # fmt: skip
    for one in custom:
        known = {
            key: value
            for key, value in one.items()
            if key not in ("apiVersion", "kind", "metadata")
        }
        check_ = checks[one["apiVersion"], one["kind"]]
        errors = [
            error.message
            for error in check_.iter_errors(
                {**known, "apiVersion": "a", "kind": "b", "metadata": {}}
            )
        ]
        assert errors == [], one["metadata"]["name"]
    typo = {"spec": {"selector": {}, "endpoint": []}}
    assert list(checks["monitoring.coreos.com/v1", "ServiceMonitor"].iter_errors(typo))
