"""Alert rules as objects of a real API server, selected as Prometheus's operator does."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from atlas.errors import PlatformError
from atlas.kinds import content
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.waiting import Clock, wait_until
from atlas_provider.kinds.alert_rules import AlertRulesKind
from atlas_provider.rule_objects import RuleObjects
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.integration.atlas_provider.rigs import rule_file
from tests.official_manifests import official
from tests.servers import free_port
from tests.tether import tied

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="no prometheus and promtool here",
    ),
]
KIND = Handler(AlertRulesKind())
CONTEXT = OperationContext("alerts", 60)
URL = "kubernetes://monitoring?context=test&label=release%3Dkps"
PATH = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheusrules"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    (definition,) = [
        one
        for one in official("prometheus", "operator")
        if one["metadata"]["name"] == "prometheusrules.monitoring.coreos.com"
    ]
    with control_plane(tmp_path_factory.mktemp("plane")) as plane:
        plane.ask("/api/v1/namespaces", {"metadata": {"name": "monitoring"}})
        plane.ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        assert wait_until(lambda: is_served(plane), 120, 0.1, Clock())
        yield plane


def is_served(plane: ControlPlane) -> bool:
    try:
        return bool(plane.ask(PATH)["kind"])
    except HTTPError:
        return False


@dataclass
class Operator:
    """What stands for the operator: it hands selected objects to a real Prometheus, as files."""

    plane: ControlPlane
    folder: Path
    url: str
    stopped: threading.Event

    def run(self) -> None:
        before: dict[str, str] = {}
        while not self.stopped.wait(0.2):
            query = "?labelSelector=release%3Dkps"
            items = self.plane.ask(PATH + query)["items"]
            files = {
                f"monitoring-{one['metadata']['name']}-{one['metadata']['uid']}.yaml": yaml.dump(
                    one["spec"]
                )
                for one in items
            }
            if files != before:
                for gone in before.keys() - files.keys():
                    (self.folder / gone).unlink()
                for name, text in files.items():
                    (self.folder / name).write_text(text, "utf-8")
                urlopen(Request(f"{self.url}/-/reload", b"", method="POST"), timeout=60).close()
                before = files


@pytest.fixture
def prometheus(plane: ControlPlane, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "rules"
    folder.mkdir()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"rule_files": [f"{folder}/*.yaml"]}), "utf-8")
    port = free_port()
    url, stopped = f"http://127.0.0.1:{port}", threading.Event()
    flags = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    flags += [f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle"]
    process = subprocess.Popen(tied([str(shutil.which("prometheus")), *flags], "KILL"))
    thread = threading.Thread(target=Operator(plane, folder, url, stopped).run, daemon=True)
    try:
        assert wait_until(lambda: is_ready(url), 120, 0.1, Clock())
        thread.start()
        yield url
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join(60)
        process.kill()
        process.wait(60)


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture
def inputs(
    plane: ControlPlane, prometheus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    store = (tmp_path / "store").as_uri()
    return {
        "owner": "tumour.dev/alerts", "store": store, "prometheus": prometheus, "rules": URL,
    }  # fmt: skip


def members(inputs: dict[str, Any], **codes: str) -> dict[str, Any]:
    texts = {name: rule_file(name, code) for name, code in codes.items()}
    made = {name: content.put(inputs["store"], text) for name, text in texts.items()}
    return {**inputs, "members": made}


def test_rules_are_objects_that_prometheus_has_loaded(plane, inputs):
    first = members(inputs, alpha="1", Beta_x="1")
    _, outputs = KIND.create(first, CONTEXT)
    found = plane.ask(PATH)["items"]
    assert {one["metadata"]["annotations"]["atlas/group"] for one in found} == {"alpha", "Beta_x"}
    assert all(one["metadata"]["labels"]["release"] == "kps" for one in found)
    state = {**first, **outputs}
    assert KIND.read("it", state, CONTEXT).inputs["members"] == first["members"]

    second = members(inputs, alpha="2")
    KIND.update("it", state, second, CONTEXT)
    (left,) = plane.ask(PATH)["items"]
    assert left["spec"]["groups"][0]["name"] == "alpha"
    state = {**second, **outputs}
    assert KIND.read("it", state, CONTEXT).inputs["members"] == second["members"]

    # Somebody changes it by hand: that is drift, and the next update puts it right.
    path = f"{PATH}/{left['metadata']['name']}"
    left["spec"]["groups"][0]["rules"][0]["labels"]["digest"] = "another"
    plane.ask(path, left, "PUT")
    assert KIND.read("it", state, CONTEXT).inputs["members"] != second["members"]
    KIND.update("it", state, second, CONTEXT)
    assert KIND.read("it", state, CONTEXT).inputs["members"] == second["members"]

    KIND.delete("it", state, CONTEXT)
    assert plane.ask(PATH)["items"] == []


def test_rules_of_another_owner_stay(plane, inputs):
    mine, other = members(inputs, a="1"), {**members(inputs, a="2"), "owner": "other.dev/alerts"}
    for one in (mine, other):
        KIND.create(one, CONTEXT)
    KIND.delete("it", mine, CONTEXT)
    (left,) = plane.ask(PATH)["items"]
    assert left["metadata"]["annotations"]["atlas/owner"] == "other.dev/alerts"
    KIND.delete("it", other, CONTEXT)


def test_what_an_interrupted_create_left_is_taken_over(plane, inputs):
    desired = members(inputs, a="1")
    place = RuleObjects.at(URL, inputs["owner"])
    place.write("a", rule_file("a", "0"))
    place.write("gone", rule_file("gone", "0"))
    KIND.create(desired, CONTEXT)
    assert place.names() == ["a"]
    KIND.delete("it", desired, CONTEXT)


@pytest.mark.parametrize(("url", "said"), [
    ("kubernetes://monitoring?context=nowhere", "cluster 'nowhere': the kubeconfig doesn't open it"),
    ("kubernetes://missing?context=test", "namespaces \"missing\" not found"),
])  # fmt: skip
def test_a_place_that_is_not_there_is_told(inputs, url, said):
    with pytest.raises(PlatformError, match="cluster") as caught:
        KIND.create({**members(inputs, a="1"), "rules": url}, CONTEXT)
    assert said in str(caught.value) or "has no /apis" in str(caught.value)


def test_credentials_that_are_not_taken_are_told(plane, inputs, tmp_path, monkeypatch):
    config = json.loads(plane.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"]["token"] = "wrong"
    (tmp_path / "kubeconfig").write_text(json.dumps(config), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(
        PlatformError, match="status 401: the kubeconfig's credentials aren't taken"
    ):
        KIND.create(members(inputs, a="1"), CONTEXT)
