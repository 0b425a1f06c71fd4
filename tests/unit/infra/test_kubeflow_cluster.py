"""A Kubeflow on one machine: what its parts are run with, and who is refused."""

from __future__ import annotations

import json
import os
import re
import sys

import pulumi
import pytest

from atlas_deploy.platforms import lifecycle
from infra import settings
from infra.local import kubeflow_cluster
from infra.local import kubeflow_parts as own
from infra.outputs import ServiceOutput

NAMES = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "versitygw"),
    *("kfp-apiserver", "kfp-driver", "kfp-launcher", "kfp-agent", "kfp-schedules"),
    *("argo-controller", "argoexec", "metadata-python", "mariadbd"),
)


def parts():
    programs = own.KubeflowPrograms(
        release="2.17.0",
        programs={name: f"/programs/{name}" for name in NAMES},
        definitions=["/a.yaml"],
        roles=["/b.yaml"],
    )
    given = own.Given(
        python="/venv/bin/python", programs=programs, kubernetes=16443,
        platform={"ATLAS_STORE": "file:///s"}, shared=["/s"],
    )  # fmt: skip
    return own.parts(given)


def test_a_part_comes_behind_those_that_it_needs():
    seen = set()
    for part in parts():
        assert seen.issuperset(part.after), part.name
        seen.add(part.name)
    assert len(seen) == len(parts())


def test_the_files_of_parts_are_json_whose_passwords_are_placeholders():
    files = {path: text for part in parts() for path, text in part.files.items()}
    for path in ("mariadb.json", "node.json", "config.json", "kubeconfig"):
        json.loads(files[path])
    assert json.loads(files["mariadb.json"])["password"] == "{secret:kubeflow-objects}"
    token = json.loads(files["kubeconfig"])["users"][0]["user"]["token"]
    assert token == "{secret:kubeflow-cluster}"
    assert files["tokens.csv"].startswith("{secret:kubeflow-cluster},admin,")


def test_what_listens_listens_on_loopback():
    asked = [part.asked for part in parts() if part.asked]
    assert asked
    assert all(re.match(r"(http|https|tcp)://127\.0\.0\.1:\d+", url) for url in asked)


def test_the_relay_hands_two_ports_on_and_asks_who_wants_kubeflow():
    found = json.loads(own.relay(1234, 16443, [5000], "<p>"))
    assert found["inward"] == {"1234": own.PIPELINES, "16443": 16443}
    assert found["outward"] == [5000]
    bearer, basic = found["guarded"]["1234"]
    assert bearer == "Bearer {secret:kubeflow}"
    assert basic == "Basic {secret:kubeflow.basic}"
    assert found["pages"] == {"1234": {"/": "<p>"}}


def test_no_checkout_is_refused_with_the_release_that_it_takes():
    with pytest.raises(pulumi.RunError, match=r"no atlas:kubeflowSource; expected .* 2\.14 or"):
        kubeflow_cluster.programs(sys.executable, "")


@pytest.mark.parametrize(
    ("system", "user", "found"),
    [("darwin", 0, "the system darwin"), ("linux", 1000, "the user 1000")],
)
def test_another_system_and_another_user_are_refused(monkeypatch, system, user, found):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(pulumi.RunError, match=f"{found}; expected Linux with util-linux, and root"):
        kubeflow_cluster.require_machine()


def test_a_machine_without_its_programs_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pulumi.RunError, match="no unshare on PATH"):
        kubeflow_cluster.require_machine()


def test_pods_share_the_store_where_it_is_a_folder(tmp_path):
    store = tmp_path / "with blank"
    assert kubeflow_cluster.shared(store.as_uri()) == [str(store)]
    assert store.is_dir()
    assert kubeflow_cluster.shared("s3://bucket/store") == []


def test_a_checkout_is_an_absolute_path_of_a_folder(tmp_path):
    assert settings.folder("kubeflowSource", "") == ""
    assert settings.folder("kubeflowSource", str(tmp_path)) == str(tmp_path)
    with pytest.raises(pulumi.RunError, match="found 'here'; expected an absolute path"):
        settings.folder("kubeflowSource", "here")
    with pytest.raises(pulumi.RunError, match="found no folder"):
        settings.folder("kubeflowSource", str(tmp_path / "none"))


def test_its_output_says_that_steps_are_processes():
    service = ServiceOutput.at("kfp", "http://127.0.0.1:1", credentials="kubeflow", tasks="process")
    assert service.to_json()["tasks"] == "process"


def test_the_secrets_of_its_parts_are_those_that_a_purge_finds():
    texts = [
        text for part in parts() for text in (*part.files.values(), *part.environment.values())
    ]
    texts.append(own.relay(1, 2, [], ""))
    used = {name for text in texts for name in re.findall(r"\{secret:([a-z-]+)", text)}
    assert used == {"kubeflow", "kubeflow-cluster", "kubeflow-objects"}
    assert used <= lifecycle._made_secrets()
