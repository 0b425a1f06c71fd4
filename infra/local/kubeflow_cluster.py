"""Kubeflow Pipelines on this machine, with a Kubernetes whose pods are processes.

Everything is in namespaces of its own, which one process holds: the kernel ends all of it with that
one, and nothing of it can be reached but two ports of loopback, each with a password.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pulumi

from atlas_provider.resources import Ports, Process
from infra.local import kubeflow_parts as own
from infra.outputs import ServiceOutput
from infra.services import ServiceData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.local.kubeflow_parts import KubeflowPart, KubeflowPrograms
    from infra.local.services import LocalPlatform

NEEDED = ("unshare", "nsenter", "setpriv", "mount", "chroot")
"""KubeflowPrograms of the system without which there are no namespaces."""
_SPOKEN_TO = ("mlflow", "pushgateway")
_HEALTH_SECONDS = 180.0
_PAGE = "page.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeflowClusterArgs:
    """What it needs.

    Attributes:
        folder: the platform's folder.
        vault: the folder of the secrets.
        python: the interpreter.
        programs: where its programs are.
        variables: those by which steps know the platform.
        outward: ports of this machine that steps speak to.
        shared: folders of this machine that steps write to.
        page: the folder with Kubeflow's own page, built; empty for none.
        registry: host and port of the registry whose images steps run in.
        engine: the engine that pulls them; empty where steps run in this machine's own root.
    """

    folder: str
    vault: str
    python: str
    programs: KubeflowPrograms
    variables: pulumi.Input[Mapping[str, str]]
    outward: pulumi.Input[Sequence[int]]
    shared: Sequence[str]
    page: str = ""
    registry: pulumi.Input[str] = ""
    engine: str = ""


class KubeflowCluster(pulumi.ComponentResource):
    """Kubernetes and Kubeflow Pipelines in a cell.

    Attributes:
        url: address of Kubeflow's API.
        kubeconfig: the file that opens Kubernetes.
        services: what it adds to the platform's outputs.
    """

    url: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(
        self, name: str, args: KubeflowClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the cell, what is in it, and what hands its ports on."""
        super().__init__("atlas:local:KubeflowCluster", name, None, opts)
        self._name, self._args = name, args
        self._made: dict[str, Process] = {}
        names = ["kubeflow", "kubernetes"]
        inside = pulumi.ResourceOptions(parent=self)
        ports = Ports(f"{name}-ports", names=names, opts=inside).ports
        self._cell = self._declare_cell()
        known = pulumi.Output.all(ports, args.variables, args.registry).apply(self._given)
        for part in self._known_parts():
            self._made[part.name] = self._declare(part, known)
        relay = self._declare_relay(ports)
        self.url = relay.bound.apply(lambda bound: f"http://127.0.0.1:{int(bound['kubeflow'])}")
        self.kubeconfig = self._made["apiserver"].directory.apply(
            lambda folder: f"{folder}/kubeconfig"
        )
        service = self.url.apply(
            lambda url: ServiceOutput.at(
                "kfp",
                url,
                credentials=own.SECRET,
                version=args.programs.release,
                tasks="kubernetes" if args.engine else "process",
            )
        )
        self.services: Mapping[str, pulumi.Output[ServiceOutput]] = {"kubeflow": service}
        self.register_outputs({"url": self.url, "kubeconfig": self.kubeconfig})

    def _given(self, known: Sequence[Any]) -> dict[str, KubeflowPart]:
        ports, variables, registry = known
        return self._parts(int(ports["kubernetes"]), variables, registry)

    def _known_parts(self) -> list[KubeflowPart]:
        """Return the parts with what is known of them before ports are: names and order."""
        return [*self._parts(0, {}).values()]

    def _parts(
        self, kubernetes: int, variables: Mapping[str, str], registry: str = ""
    ) -> dict[str, KubeflowPart]:
        args = self._args
        given = own.Given(
            python=args.python,
            programs=args.programs,
            kubernetes=kubernetes,
            platform=variables,
            shared=args.shared,
            registry=registry,
            engine=args.engine,
        )
        return {part.name: part for part in own.parts(given)}

    def _declare_cell(self) -> Process:
        hold = ("hold", "{dir}/cell", "{folder}/kubeflow-node/pods")
        return Process(
            f"{self._name}-cell",
            folder=self._args.folder,
            command=self._module("cell", *hold),
            health_command=self._module("cell", "enter", "{dir}/cell", "true"),
            health_timeout=60,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _declare(
        self, part: KubeflowPart, known: pulumi.Output[dict[str, KubeflowPart]]
    ) -> Process:
        name, after = part.name, [self._cell, *(self._made[one] for one in part.after)]
        enter = self._module("cell", "enter", own.CELL)
        return Process(
            f"{self._name}-{name}",
            folder=self._args.folder,
            vault=self._args.vault,
            command=known.apply(lambda found: [*enter, *found[name].command]),
            environment=known.apply(lambda found: dict(found[name].environment)),
            files=known.apply(lambda found: dict(found[name].files)),
            health_command=known.apply(lambda found: self._asking(found[name])),
            health_timeout=_HEALTH_SECONDS,
            stop_signal=part.signal,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )

    def _asking(self, part: KubeflowPart) -> list[str]:
        if not part.asked:
            return self._module("cell", "enter", own.CELL, "true")
        return self._module("answers", own.CELL, part.asked)

    def _declare_relay(self, ports: pulumi.Output[Mapping[str, int]]) -> Process:
        release = {"version": self._args.programs.release}
        page = ServiceData.load("kubeflow").template(_PAGE, release)
        known = pulumi.Output.all(ports, self._args.outward)
        files = known.apply(
            lambda found: {
                "relay.json": own.relay(
                    int(found[0]["kubeflow"]), int(found[0]["kubernetes"]),
                    [int(port) for port in found[1]], page, self._args.page,
                )
            }
        )  # fmt: skip
        return Process(
            f"{self._name}-relay",
            folder=self._args.folder,
            vault=self._args.vault,
            command=self._module("relay", "{dir}/relay.json"),
            files=files,
            ports=ports,
            health="http://127.0.0.1:{port:kubeflow}/apis/v2beta1/healthz",
            health_credentials=own.SECRET,
            health_timeout=_HEALTH_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._made.values()]),
        )

    def _module(self, name: str, *words: str) -> list[str]:
        return [self._args.python, "-m", f"atlas_provider.cluster.{name}", *words]


def declare(platform: LocalPlatform) -> KubeflowCluster:
    """Declare Kubeflow.

    Raises:
        pulumi.RunError: this machine can't have it, or its programs aren't there.
    """
    require_machine()
    settings = platform.settings
    spoken = [name for name in _SPOKEN_TO if platform.is_wanted(name)]
    variables: dict[str, pulumi.Input[str]] = {"ATLAS_STORE": settings.store}
    for name in spoken:
        variables[f"ATLAS_{name.upper()}_URL"] = platform.url(name)
        secret = str(settings.vault / f"{name}.json")
        variables[f"ATLAS_{name.upper()}_CREDENTIALS"] = secret
    engine = image_engine(platform)
    spoken += ["registry"] if engine else []
    args = KubeflowClusterArgs(
        folder=str(settings.folder),
        vault=str(settings.vault),
        python=settings.python,
        programs=programs(settings.python, settings.kubeflow_source),
        variables=pulumi.Output.all(**variables),
        outward=pulumi.Output.all(*(platform.port(name) for name in spoken)),
        shared=shared(settings.store),
        page=built_page(settings.kubeflow_source),
        registry=platform.port("registry").apply(lambda port: f"127.0.0.1:{port}"),
        engine=engine,
    )
    return KubeflowCluster("kubeflow", args)


def image_engine(platform: LocalPlatform) -> str:
    """Return what pulls images of steps: podman, where pods are wanted and there is a registry."""
    is_wanted = platform.settings.tasks == "kubernetes" and platform.has("registry")
    return (shutil.which("podman") or "") if is_wanted else ""


def built_page(source: str) -> str:
    """Return the folder with Kubeflow's own page, where the checkout has it built."""
    place = Path(source, "frontend", "build")
    return str(place) if source and (place / "index.html").is_file() else ""


def require_machine() -> None:
    """Refuse a machine that can't have it.

    Raises:
        pulumi.RunError: it isn't Linux, who asks isn't root, or a program is missing.
    """
    found = "" if sys.platform == "linux" else f"the system {sys.platform}"
    if not found and os.geteuid() != 0:
        found = f"the user {os.geteuid()}"
    if not found:
        found = next((f"no {name} on PATH" for name in NEEDED if shutil.which(name) is None), "")
    if found:
        raise pulumi.RunError(
            f"atlas:kubeflow: found 'cluster' and {found}; expected Linux with util-linux, and "
            "root: pods are processes in namespaces of their own; set it to 'local'"
        )


def shared(store: str) -> list[str]:
    """Return the folders that steps write to: the artifact store, where it is one.

    It is made, for pods can only share what is there.
    """
    parts = urlsplit(store)
    if parts.scheme != "file":
        return []
    folder = Path(url2pathname(parts.path))
    folder.mkdir(parents=True, exist_ok=True)
    return [str(folder)]


def programs(python: str, source: str) -> KubeflowPrograms:
    """Return where the programs are; build what isn't in the cache, but for a preview.

    Raises:
        pulumi.RunError: no checkout is named, it is too old, or something can't be built.
    """
    if not source:
        raise pulumi.RunError(
            "atlas:kubeflow: found 'cluster' and no atlas:kubeflowSource; expected the path of a "
            "checkout of github.com/kubeflow/pipelines, release 2.14 or newer, which is built: "
            "the newest one that Go's module proxy has is 2.0.5, and can't run Atlas's packages"
        )
    look = ["--look"] if pulumi.runtime.is_dry_run() else []
    done = subprocess.run(  # noqa: S603 - Atlas's own module
        [python, "-m", "atlas_toolchain.kubeflow_cluster", source, *look],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = "; ".join(done.stderr.strip().splitlines()[-5:])
        raise pulumi.RunError(f"atlas:kubeflowSource: {said}")
    found = json.loads(done.stdout)
    if found["missing"] and not look:
        raise pulumi.RunError(f"atlas:kubeflow: not there: {', '.join(found['missing'])}")
    paths = dict.fromkeys(found["missing"], "built-by-up") | found["programs"]
    return own.KubeflowPrograms(
        release=found["release"],
        programs=paths,
        definitions=found["definitions"],
        roles=found["roles"],
    )
