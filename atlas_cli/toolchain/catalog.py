"""The one table of what Atlas uses beside its own code, and what works without each thing."""

from __future__ import annotations

from dataclasses import dataclass

PYTHON = ">=3.11,<3.14"
PULUMI = "3.250.0"
#: The last language host that is to be had from Go modules; the engine speaks its protocol.
LANGUAGE_HOST = "3.70.0"
#: Any newer engine of the same major version reads what the pinned one writes.
ENGINE = f">={PULUMI},<4"

WITHOUT_ENGINE = "validate, run, test, compile, draw; no up, no deploy"
WITHOUT_HOST = "everything but `atlas up` and `pulumi up`"


@dataclass(frozen=True, slots=True)
class ToolchainProgram:
    """A program that may be on the machine, looked for on PATH.

    Attributes:
        name: what to call it, and the name of its executable unless `names` says otherwise.
        needed: the versions that will do (``>=2.42``); empty for any.
        without: what works when it is missing.
        names: executables to look for, the first found wins; empty for `name`.
        debian: the Debian package that has it; empty when set-up doesn't install it.
        unless: another program of the table, with which set-up doesn't install this one.
        units: systemd units that the Debian package would start, and that Atlas doesn't want.
        home: where a machine without Debian packages gets it.
        arguments: what makes it print its version.
    """

    name: str
    needed: str
    without: str
    names: tuple[str, ...] = ()
    debian: str = ""
    unless: str = ""
    units: tuple[str, ...] = ()
    home: str = ""
    arguments: tuple[str, ...] = ("--version",)


@dataclass(frozen=True, slots=True)
class Library:
    """A Python distribution that one of the extras brings.

    Attributes:
        name: the distribution's name.
        extra: the extra of ``atlas-ml`` to install; empty for the core.
        without: what works when it is missing.
    """

    name: str
    extra: str
    without: str


PROGRAMS: tuple[ToolchainProgram, ...] = (
    ToolchainProgram(
        "prometheus",
        ">=2.42",
        "all but metrics: no PromQL, no alerts, no triggers",
        debian="prometheus",
        units=("prometheus.service", "prometheus-node-exporter.service"),
        home="https://prometheus.io/download",
    ),
    ToolchainProgram(
        "pushgateway",
        ">=1.4",
        "all but the metrics of batches",
        names=("prometheus-pushgateway", "pushgateway"),
        debian="prometheus-pushgateway",
        units=("prometheus-pushgateway.service",),
        home="https://prometheus.io/download",
    ),
    ToolchainProgram(
        "alertmanager",
        ">=0.24",
        "all but the sending of alerts",
        names=("prometheus-alertmanager", "alertmanager"),
        debian="prometheus-alertmanager",
        units=("prometheus-alertmanager.service",),
        home="https://prometheus.io/download",
    ),
    ToolchainProgram(
        "registry",
        ">=2.8",
        "all but a local registry of images",
        names=("docker-registry", "registry"),
        debian="docker-registry",
        units=("docker-registry.service",),
        home="https://distribution.github.io/distribution",
    ),
    ToolchainProgram(
        "graphviz",
        "",
        "all but SVG drawings; `atlas graph` still writes DOT",
        names=("dot",),
        debian="graphviz",
        home="https://graphviz.org/download",
        arguments=("-V",),
    ),
    ToolchainProgram(
        "docker engine",
        "",
        "podman in its place; without either, steps run as processes",
        names=("docker",),
        home="https://docs.docker.com/engine/install",
        arguments=("version", "--format", "{{.Server.Version}}"),
    ),
    ToolchainProgram(
        "podman",
        ">=4",
        "docker in its place; without either, steps run as processes",
        debian="podman",
        unless="docker engine",
        home="https://podman.io/docs/installation",
    ),
    ToolchainProgram(
        "runc",
        "",
        "containers where crun or docker runs them; podman needs it on hybrid cgroups",
        debian="runc",
        unless="docker engine",
        home="https://github.com/opencontainers/runc",
    ),
    ToolchainProgram(
        "buildah",
        "",
        "images are built with docker or podman",
        debian="buildah",
        unless="docker engine",
        home="https://buildah.io",
    ),
    ToolchainProgram(
        "skopeo",
        "",
        "all; only the tests of images look at registries with it",
        debian="skopeo",
        home="https://github.com/containers/skopeo",
    ),
    ToolchainProgram(
        "debootstrap",
        "",
        "all; the tests of images make their base with it where none can be pulled",
        debian="debootstrap",
        home="https://wiki.debian.org/Debootstrap",
    ),
    ToolchainProgram("git", ">=2.30", "all but releases", debian="git", home="https://git-scm.com"),
)

LIBRARIES: tuple[Library, ...] = (
    Library("typer", "", "nothing"),
    Library("jsonschema-rs", "", "nothing"),
    Library("pandas", "data", "pipelines without tables"),
    Library("scikit-learn", "sklearn", "pipelines without scikit-learn models"),
    Library("kfp", "kubeflow", "all but the target kubeflow"),
    Library("mlflow", "mlflow", "all but the local MLflow server and tracking"),
    Library("apache-airflow", "airflow", "all but the local Airflow"),
    Library("supervisor", "deploy", "all but the local platform"),
    Library("pulumi", "deploy", WITHOUT_ENGINE),
)
