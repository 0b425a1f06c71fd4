"""What each part of a Kubeflow on this machine is run with: commands, files, and how it is asked.

All of them are in one cell (`atlas_provider.cluster.cell`), whose loopback is theirs alone, so that
ports are the usual ones. Texts have the placeholders of a `Process`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMESPACE = "kubeflow"
TASKS = "airflow"
"""The namespace that Airflow's tasks run in, where they are pods."""
BUCKET, REGION = "mlpipeline", "minio"
CELL = "{folder}/kubeflow-cell/cell"
ETCD, DATABASE, STORAGE, METADATA = 2379, 3306, 9000, 8080
CONTROLLERS, SCHEDULER, NODE, PIPELINES = 10257, 10259, 10250, 8888
SECRET = "kubeflow"  # noqa: S105 - a secret's name
"""The name of the secret that opens Kubeflow's API from outside of the cell."""
TOKEN = "{secret:kubeflow-cluster}"  # noqa: S105 - a placeholder
"""What opens Kubernetes."""
USER, PASSWORD = "{secret:kubeflow-objects.username}", "{secret:kubeflow-objects}"
"""What opens MariaDB and the object store, for Kubeflow alone."""
_ISSUER = "https://kubernetes.default.svc"
_PODS = {"driver": "kfp-driver", "launcher-v2": "kfp-launcher", "argoexec": "argoexec"}
"""What a command in a pod is called, and which program that is."""


@dataclass(frozen=True, kw_only=True)
class KubeflowPrograms:
    """Where the programs are, as ``atlas_toolchain.kubeflow_cluster`` says.

    Attributes:
        release: of Kubeflow Pipelines.
        programs: path by name.
        definitions: files with definitions of custom resources.
        roles: files with what pods of runs may do.
    """

    release: str
    programs: Mapping[str, str]
    definitions: Sequence[str]
    roles: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class KubeflowPart:
    """One process of it.

    Attributes:
        name: its name.
        command: what it runs in the cell.
        asked: the URL, in the cell, at which it says that it is well; empty where it says nothing.
        environment: its variables.
        files: text by path in its folder.
        after: the parts that have to be well before it.
        signal: what ends it: Kubeflow's own take no notice of a first request.
    """

    name: str
    command: Sequence[str]
    asked: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    signal: str = "TERM"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the parts are made of.

    Attributes:
        python: the interpreter.
        programs: where the programs are.
        kubernetes: port of the API server, in the cell and outside of it.
        platform: the variables by which steps know the platform.
        shared: folders of this machine that pods write to.
        registry: host and port of the registry whose images pods are given; empty for none.
        engine: podman, which pulls them.
    """

    python: str
    programs: KubeflowPrograms
    kubernetes: int
    platform: Mapping[str, str]
    shared: Sequence[str]
    registry: str = ""
    engine: str = ""

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.kubernetes}"

    def program(self, name: str) -> str:
        """Return the path of a program."""
        return self.programs.programs[name]

    def module(self, name: str, *words: str) -> list[str]:
        """Return a command of Atlas's own."""
        return [self.python, "-m", f"atlas_provider.cluster.{name}", *words]


def parts(given: Given) -> list[KubeflowPart]:
    """Return all parts, each behind those that it comes after."""
    plane = [_api_server(given), _controllers(given), _scheduler(given)]
    around = [_etcd(given), _database(given), _storage(given), _metadata(given)]
    return [*around, *plane, _node(given), _pipelines(given), *_agents(given)]


def _etcd(given: Given) -> KubeflowPart:
    url, peers = f"http://127.0.0.1:{ETCD}", "http://127.0.0.1:2380"
    command = [
        given.program("etcd"), "--data-dir={dir}/data",
        f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}", "--log-level=warn",
    ]  # fmt: skip
    return KubeflowPart(name="etcd", command=command, asked=f"{url}/health")


def _database(given: Given) -> KubeflowPart:
    settings = {
        "program": given.program("mariadbd"), "data": "{dir}/data", "socket": "/run/mariadb.sock",
        "port": DATABASE, "user": USER, "password": PASSWORD,
    }  # fmt: skip
    command = given.module("mariadb", "{dir}/mariadb.json")
    files = {"mariadb.json": json.dumps(settings)}
    asked = f"tcp://127.0.0.1:{DATABASE}"
    return KubeflowPart(name="mariadb", command=command, files=files, asked=asked)


def _storage(given: Given) -> KubeflowPart:
    keys = {"ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": PASSWORD}
    command = [
        given.program("versitygw"), f"--port=127.0.0.1:{STORAGE}", f"--region={REGION}",
        "--health=/health", "posix", "{dir}/data",
    ]  # fmt: skip
    # The folder has to be there before its server is.
    files = {"data/.atlas": ""}
    asked = f"http://127.0.0.1:{STORAGE}/health"
    return KubeflowPart(name="s3", command=command, environment=keys, files=files, asked=asked)


def _metadata(given: Given) -> KubeflowPart:
    address = f"127.0.0.1:{METADATA}"
    command = given.module(
        "metadata", given.program("metadata-python"), "{dir}/metadata.db", address
    )
    quiet = {"GRPC_VERBOSITY": "NONE"}
    return KubeflowPart(
        name="metadata", command=command, environment=quiet, asked=f"tcp://{address}"
    )


def _api_server(given: Given) -> KubeflowPart:
    command = given.module(
        "api_keys", "{dir}", given.program("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{ETCD}",
        "--bind-address=127.0.0.1", f"--secure-port={given.kubernetes}",
        "--cert-dir={dir}/certificates", "--token-auth-file={dir}/tokens.csv",
        f"--service-account-issuer={_ISSUER}",
        "--service-account-key-file={dir}/accounts.pub",
        "--service-account-signing-key-file={dir}/accounts.key",
        "--authorization-mode=RBAC", "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none",
        "--advertise-address=127.0.0.1", "--profiling=false",
    )  # fmt: skip
    return KubeflowPart(
        name="apiserver",
        command=command,
        asked=f"{given.url}/livez",
        files={
            "tokens.csv": f'{TOKEN},admin,admin,"system:masters"\n',
            "kubeconfig": kubeconfig(given.url),
        },
        after=("etcd",),
    )


def kubeconfig(url: str) -> str:
    """Return the file that tells clients how to reach the API server."""
    authority = "{folder}/kubeflow-apiserver/certificates/apiserver.crt"
    cluster = {"server": url, "certificate-authority": authority}
    context = {"cluster": "atlas", "user": "atlas", "namespace": NAMESPACE}
    content = {
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "atlas", "cluster": cluster}],
        "users": [{"name": "atlas", "user": {"token": TOKEN}}],
        "contexts": [{"name": "atlas", "context": context}],
        "current-context": "atlas",
    }  # fmt: skip
    return json.dumps(content, indent=2) + "\n"


KUBECONFIG = "{folder}/kubeflow-apiserver/kubeconfig"
_QUICK = ("--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false", "--leader-elect=false")


def _controllers(given: Given) -> KubeflowPart:
    home = "{folder}/kubeflow-apiserver"
    command = [
        given.program("kube-controller-manager"), f"--kubeconfig={KUBECONFIG}",
        f"--service-account-private-key-file={home}/accounts.key",
        f"--root-ca-file={home}/certificates/apiserver.crt",
        "--use-service-account-credentials=true",
        # A machine that is busy for a minute makes no node go away.
        "--node-monitor-grace-period=5m",
        "--bind-address=127.0.0.1", f"--secure-port={CONTROLLERS}",
        "--cert-dir={dir}/certificates", *_QUICK,
    ]  # fmt: skip
    asked = f"https://127.0.0.1:{CONTROLLERS}/healthz"
    return KubeflowPart(name="controllers", command=command, asked=asked, after=("apiserver",))


def _scheduler(given: Given) -> KubeflowPart:
    command = [
        given.program("kube-scheduler"), f"--kubeconfig={KUBECONFIG}",
        f"--authentication-kubeconfig={KUBECONFIG}", f"--authorization-kubeconfig={KUBECONFIG}",
        "--bind-address=127.0.0.1", f"--secure-port={SCHEDULER}",
        "--cert-dir={dir}/certificates", *_QUICK,
    ]  # fmt: skip
    asked = f"https://127.0.0.1:{SCHEDULER}/healthz"
    return KubeflowPart(name="scheduler", command=command, asked=asked, after=("apiserver",))


def _node(given: Given) -> KubeflowPart:
    authority = "{folder}/kubeflow-apiserver/certificates/apiserver.crt"
    settings: dict[str, Any] = {
        "api": {"url": given.url, "token": TOKEN, "authority": authority},
        "objects": {
            "definitions": [*given.programs.definitions], "roles": [*given.programs.roles],
            "namespace": NAMESPACE, "steps": [NAMESPACE, TASKS],
            "bucket": BUCKET, "metadata": METADATA,
            "user": USER, "password": PASSWORD,
            "platform": dict(given.platform), "files": {},
        },
        "folder": "{dir}/pods", "logs": "{dir}/logs",
        "programs": {name: given.program(own) for name, own in _PODS.items()},
        "shared": [*given.shared, *_opened(given)], "images": _images(given), "port": NODE,
    }  # fmt: skip
    command = given.module("kubeflow_node", "{dir}/node.json")
    files = {"node.json": json.dumps(settings, indent=1)}
    asked = f"tcp://127.0.0.1:{NODE}"
    after = ("controllers", "scheduler")
    return KubeflowPart(name="node", command=command, files=files, asked=asked, after=after)


def _images(given: Given) -> dict[str, str] | None:
    """Return where the images of pods are; None where they run in this machine's own root."""
    if not given.engine:
        return None
    return {
        "program": given.engine, "folder": "{dir}/images",
        "registry": given.registry, "logins": "{folder}/registry/config.json",
    }  # fmt: skip


def _opened(given: Given) -> list[str]:
    """Return the files with the secrets that steps need, which no image has."""
    names = [name for name in given.platform if name.endswith("_CREDENTIALS")]
    return [given.platform[name] for name in names] if given.engine else []


def _pipelines(given: Given) -> KubeflowPart:
    environment = {
        "POD_NAMESPACE": NAMESPACE,
        "TAG_NAME": given.programs.release,
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(given.kubernetes),
        "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST": "127.0.0.1",
        "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT": "8889",
        "V2_DRIVER_IMAGE": "kfp-driver",
        "V2_LAUNCHER_IMAGE": "kfp-launcher",
    }
    command = [
        given.program("kfp-apiserver"), "-config={dir}",
        "-sampleconfig={dir}/samples.json", "-logtostderr",
    ]  # fmt: skip
    return KubeflowPart(
        name="pipelines",
        command=command,
        environment=environment,
        files={"config.json": pipelines_config(USER, PASSWORD), "samples.json": "[]"},
        asked=f"http://127.0.0.1:{PIPELINES}/apis/v2beta1/healthz",
        after=("mariadb", "s3", "node"),
        signal="KILL",
    )


def pipelines_config(user: str, password: str) -> str:
    """Return what Kubeflow's API server reads, given what opens its database and its store."""
    tables = {"User": user, "Password": password, "Host": "127.0.0.1", "Port": str(DATABASE),
              "DBName": "mlpipeline", "GroupConcatMaxLen": "4194304"}  # fmt: skip
    config: dict[str, Any] = {
        "DBConfig": {"MySQLConfig": tables, "ConMaxLifeTime": "120s"},
        "DBDriverName": "mysql",
        "ObjectStoreConfig": {
            "Host": "127.0.0.1", "Port": str(STORAGE), "Region": REGION, "Secure": "false",
            "AccessKey": user, "SecretAccessKey": password,
            "BucketName": BUCKET, "PipelinePath": "pipelines",
        },
        "ARCHIVE_CONFIG_LOG_FILE_NAME": "main.log",
        "ARCHIVE_CONFIG_LOG_PATH_PREFIX": "/artifacts",
        "InitConnectionTimeout": "60s",
        "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner",
        "CacheEnabled": "true",
        "CRON_SCHEDULE_TIMEZONE": "UTC",
        "ClientQPS": "50", "ClientBurst": "100",
    }  # fmt: skip
    return json.dumps(config, indent=1)


def _agents(given: Given) -> list[KubeflowPart]:
    """Return what makes pods of runs, what reports them, and what starts runs by the clock."""
    cluster = {
        "KUBECONFIG": KUBECONFIG,
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(given.kubernetes),
    }
    argo = {"LEADER_ELECTION_DISABLE": "true", "LEADER_ELECTION_IDENTITY": "atlas",
            "ARGO_NAMESPACE": NAMESPACE, "DEFAULT_REQUEUE_TIME": "500ms"}  # fmt: skip
    own = f"--namespace={NAMESPACE}"
    workflows = [given.program("argo-controller"), "--executor-image=argoexec", "--namespaced",
                 f"--managed-namespace={NAMESPACE}"]  # fmt: skip
    agent = [given.program("kfp-agent"), own, "--ttlSecondsAfterWorkflowFinish=86400"]
    schedules = [given.program("kfp-schedules"), own, "--metricsPort=9095"]
    clock = {**cluster, "CRON_SCHEDULE_TIMEZONE": "UTC"}
    asked, after = "http://127.0.0.1:6060/healthz", ("pipelines",)
    return [
        KubeflowPart(
            name="workflows", command=workflows, environment={**cluster, **argo},
            asked=asked, after=("node",), signal="KILL",
        ),
        KubeflowPart(
            name="agent", command=agent, environment=cluster, after=after, signal="KILL"
        ),
        KubeflowPart(
            name="schedules", command=schedules, environment=clock, after=after, signal="KILL"
        ),
    ]  # fmt: skip


def relay(
    pipelines: int, kubernetes: int, outward: Sequence[int], page: str, built: str = ""
) -> str:
    """Return which ports are handed on between this machine and the cell.

    Args:
        pipelines: the port of this machine at which Kubeflow's API is.
        kubernetes: that of Kubernetes, the same on both sides.
        outward: ports of this machine that pods speak to.
        page: what `atlas open kubeflow` shows, where Kubeflow's own page isn't built.
        built: the folder with that; empty for none.
    """
    allowed = ["Bearer {secret:kubeflow}", "Basic {secret:kubeflow.basic}"]
    settings = {
        "cell": CELL,
        "inward": {str(pipelines): PIPELINES, str(kubernetes): kubernetes},
        "outward": [*outward],
        "guarded": {str(pipelines): allowed},
        "pages": {} if built else {str(pipelines): {"/": page}},
        "folders": {str(pipelines): built} if built else {},
    }
    return json.dumps(settings, indent=1)
