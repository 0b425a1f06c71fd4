"""Pods in images of a registry, on a node whose pods are processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.images import ImageRegistry
from atlas_provider.cluster.api import ClusterApi
from atlas_provider.cluster.images import NodeImages
from atlas_provider.cluster.node import ProcessNode, process_node
from atlas_provider.cluster.pods import NodeFolders, path_of
from infra.local import registry
from tests import yard as yards
from tests.cluster.control_plane import control_plane
from tests.kubeflow.runs.test_process_node import log, made, over, pod
from tests.kubeflow.server import require
from tests.mounts import unmount_below
from tests.yard import Yard

pytestmark = [
    pytest.mark.kubeflow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not()),
]
DOCKERFILE = """
FROM {base}
COPY own /own
ENV GREETED=everybody
WORKDIR /own
USER 10001:10001
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo $(cat greeting) $GREETED $(id -u):$(id -g) $PWD $HOME"]
"""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    require()
    made = Yard.open(tmp_path_factory.mktemp("yard"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def image(yard: Yard) -> str:
    """An image in the registry, by its digest."""
    (yard.folder / "own").mkdir(mode=0o755)
    (yard.folder / "own" / "greeting").write_text("hello\n", "utf-8")
    (yard.folder / "Dockerfile").write_text(DOCKERFILE.format(base=yard.base), "utf-8")
    logins = ["--authfile", str(yard.state / "platform" / "local" / "registry" / "config.json")]
    name = f"{yard.host}/atlas/greeter:1"
    plain = ["--tls-verify=false", *logins]
    yard.podman("build", *plain, "--network=none", "-t", name, "-f", "Dockerfile", ".", timeout=900)
    yard.podman("push", *plain, name, timeout=900)
    secret = yard.state / "secrets" / f"{registry.SECRET}.json"
    digest = ImageRegistry.at(yard.host, secret).digest("atlas/greeter", "1")
    return f"{yard.host}/atlas/greeter@{digest}"


@pytest.fixture(scope="module")
def node(yard: Yard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessNode]:
    folder = tmp_path_factory.mktemp("node")
    shared = folder / "shared"
    shared.mkdir()
    logins = yard.state / "platform" / "local" / "registry" / "config.json"
    images = NodeImages("podman", folder / "images", yard.host, logins)
    folders = NodeFolders(folder / "pods", folder / "logs", [shared], images)
    with control_plane(folder / "plane") as plane, process_node(plane, folders) as made:
        yield made
    unmount_below(folder)


def in_image(name: str, image: str, **container: Any) -> dict[str, Any]:
    body = pod(name, "true")
    body["spec"]["containers"] = [{"name": "main", "image": image, **container}]
    return body


def waits(plane: ClusterApi, body: dict[str, Any], reason: str) -> str:
    """Wait until a pod waits for a reason; return the message."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for one in plane.ask(path_of(body))["status"].get("containerStatuses", ()):
            waiting = one["state"].get("waiting", {})
            if waiting.get("reason") == reason:
                return str(waiting["message"])
        time.sleep(0.05)
    raise AssertionError(plane.ask(path_of(body)))


def test_a_pod_runs_what_its_image_says(node: ProcessNode, image: str) -> None:
    given = made(node.plane, in_image("as-image", image))
    status = over(node.plane, given)
    assert status["phase"] == "Succeeded", (status, log(node.plane, given))
    assert log(node.plane, given) == "hello everybody 10001:10001 /own /tmp\n"
    assert status["containerStatuses"][0]["imageID"] == image


def test_a_pod_sees_its_image_and_not_this_machine(node: ProcessNode, image: str) -> None:
    (shared,) = node.folders.shared
    script = f"test ! -e {Path(__file__)}; cat /own/greeting > {shared}/greeting; id -u"
    given = made(node.plane, in_image("own-files", image, command=["sh", "-ec", script]))
    status = over(node.plane, given)
    assert status["phase"] == "Succeeded", (status, log(node.plane, given))
    assert log(node.plane, given) == "10001\n"
    assert (shared / "greeting").read_text("utf-8") == "hello\n"


def test_what_a_pod_writes_is_not_in_the_next_one_s_image(node: ProcessNode, image: str) -> None:
    root = {"securityContext": {"runAsUser": 0, "runAsGroup": 0}}
    for name in ("writes-once", "writes-twice"):
        script = "cat greeting; echo changed > greeting; rm /etc/debian_version"
        given = made(node.plane, in_image(name, image, command=["sh", "-ec", script], **root))
        status = over(node.plane, given)
        assert status["phase"] == "Succeeded", (status, log(node.plane, given))
        assert log(node.plane, given) == "hello\n"


def test_a_pod_says_as_whom_and_where(node: ProcessNode, image: str) -> None:
    more = {"securityContext": {"runAsUser": 7, "runAsGroup": 8}, "workingDir": "/etc"}
    body = in_image("as-other", image, command=["sh", "-c", "id -u; id -g; pwd"], **more)
    given = made(node.plane, body)
    assert over(node.plane, given)["phase"] == "Succeeded"
    assert log(node.plane, given) == "7\n8\n/etc\n"


def test_an_image_that_is_not_there_is_reported_and_waited_for(
    node: ProcessNode, yard: Yard
) -> None:
    missing = f"{yard.host}/atlas/none@sha256:{'a' * 64}"
    body = made(node.plane, in_image("no-image", missing))
    assert "unknown" in waits(node.plane, body, "ImagePullBackOff")
    assert node.plane.ask(path_of(body))["status"]["phase"] == "Pending"
    node.plane.ask(f"{path_of(body)}?gracePeriodSeconds=0", method="DELETE")


def test_a_pull_without_credentials_is_refused(image: str, tmp_path: Path) -> None:
    logins = tmp_path / "config.json"
    logins.write_text(json.dumps({"auths": {}}), "utf-8")
    images = NodeImages("podman", tmp_path / "images", image.partition("/")[0], logins)
    with pytest.raises(OSError, match=r"authentication required|unauthorized"):
        images.get(image)
