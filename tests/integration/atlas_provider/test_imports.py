"""Every kind's `read` starts from an id alone, and finds what `create` made."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas.errors import DeployError, PlatformError
from atlas.kinds import imports
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.targets.airflow.resource import AirflowDagsInputs
from atlas.targets.kubeflow.resource import KubeflowPipelinesInputs
from atlas_provider.kinds.database import DatabaseKind
from atlas_provider.kinds.ports import PortsKind
from atlas_provider.kinds.process import ProcessKind
from atlas_provider.supervision import Supervisor
from tests.integration.atlas_provider.rigs import (
    Dags,
    Images,
    Models,
    Packages,
    Versions,
    rigs_in,
)
from tests.servers import registry_server

__all__ = ["registry_server"]

CONTEXT = OperationContext("it", 10.0)
INPUTS = AirflowDagsInputs
PLACES = {
    "store": "file:///s", "dags": "file:///d", "airflow": "http://127.0.0.1:1",
    "secrets": "file:///v", "credentials": "airflow",
}  # fmt: skip


@pytest.fixture
def rigs(tmp_path: Path, request: pytest.FixtureRequest):
    if "Images" in request.node.name:
        Images.registry = request.getfixturevalue("registry_server")
    yield from rigs_in(tmp_path)


def query(given: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in given.items())


def test_an_id_gives_the_owner_and_every_address():
    found = imports.located(f"p.dev/inference?{query(PLACES)}", INPUTS)
    assert found == {"owner": "p.dev/inference", **PLACES}


def test_a_platforms_outputs_give_what_the_id_doesnt(tmp_path):
    services = {
        "store": {"url": "file:///s/"}, "dags": {"url": "file:///d"}, "mlflow": {"url": "http://m"},
        "airflow": {"url": "http://127.0.0.1:1", "credentials": "airflow"},
        "secrets": {"url": "file:///v"},
    }  # fmt: skip
    file = tmp_path / "a & b.json"
    file.write_text(json.dumps({"services": services}))
    escaped = str(file).replace("&", "%26")
    found = imports.located(f"p.dev/inference?outputs={escaped}&store=s3://mine", INPUTS)
    assert found == {"owner": "p.dev/inference", **PLACES, "store": "s3://mine"}


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        (
            "p.dev/inference",
            r"lacks airflow, credentials, dags, secrets, store; expected OWNER\?",
        ),
        ("?store=s", r"no owner can be imported from"),
        ("p?sore=s", r"no input 'sore' can be imported from"),
        ("p?members=a", r"no input 'members' can be imported from"),
    ],
)
def test_an_id_that_says_too_little_is_told_with_the_form(identity, said):
    with pytest.raises(DeployError, match=said):
        imports.located(identity, INPUTS)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"services": {"store": "s"}}'])
def test_a_file_without_outputs_is_told(tmp_path, text):
    file = tmp_path / "outputs.json"
    file.write_text(text)
    with pytest.raises(PlatformError, match="no outputs of a platform can be read"):
        imports.located(f"p?outputs={file}", INPUTS)


@pytest.mark.parametrize(
    ("kind", "credentials", "found"),
    [
        ("kfp.local", None, {}),
        ("kfp", None, {"kubeflow": "http://k"}),
        ("kfp", "token", {"kubeflow": "http://k", "secrets": "file:///s", "credentials": "token"}),
    ],
)
def test_kubeflow_is_a_server_only_where_it_is_one(tmp_path, kind, credentials, found):
    def at(kind: str, url: str, credentials: str | None = None) -> dict[str, Any]:
        return {"kind": kind, "url": url, "credentials": credentials}

    services = {
        "kubeflow": at(kind, "http://k", credentials), "store": at("file", "file:///st"),
        "secrets": at("folder", "file:///s"), "airflow": at("airflow", "http://a", "airflow"),
    }  # fmt: skip
    (tmp_path / "outputs.json").write_text(json.dumps({"services": services}))
    given = imports.located(f"p?outputs={tmp_path}/outputs.json", KubeflowPipelinesInputs)
    assert given == {"owner": "p", "store": "file:///st", **found}


def id_of(wanted: dict[str, Any], **more: str) -> str:
    places = {n: v for n, v in wanted.items() if isinstance(v, str) and n != "owner"}
    return f"{wanted['owner']}?{query({**places, **more})}"


@pytest.mark.parametrize("make", [Dags, Packages, Versions, Models, Images])
def test_what_was_created_is_imported_as_it_is(rigs, make):
    rig = rigs(make)
    wanted = rig.inputs(a="11", b="22")
    wanted.pop("purge", None)
    identity, outputs = rig.kind.create(wanted, CONTEXT)
    given = id_of(wanted, **({"models": "a,b,unknown"} if make is Models else {}))
    live = rig.kind.read(given, {}, CONTEXT)
    assert live.identity == identity == wanted["owner"]
    assert live.inputs == wanted
    assert live.state == {**wanted, **outputs}
    assert rig.kind.diff(live.state, wanted).changes == {}


@pytest.mark.parametrize("make", [Dags, Packages, Versions, Models, Images])
def test_where_nothing_is_there_the_import_says_so(rigs, make):
    rig = rigs(make)
    given = id_of(rig.inputs(), **({"models": "a"} if make is Models else {}))
    with pytest.raises(DeployError, match=r"^it\.local/\w+: has no \w+.* in .*atlas list"):
        rig.kind.read(given, {}, CONTEXT)


def test_an_airflow_that_doesnt_answer_is_no_empty_one(rigs):
    rig = rigs(Dags)
    wanted = rig.inputs(a="11")
    rig.kind.create(wanted, CONTEXT)
    with pytest.raises(PlatformError, match="no answer"):
        rig.kind.read(id_of({**wanted, "airflow": "http://127.0.0.1:9"}), {}, CONTEXT)


def test_ports_are_what_the_id_says():
    live = Handler(PortsKind()).read("web=8080,api=8081", {}, CONTEXT)
    assert live.state == {"names": ["web", "api"], "ports": {"web": 8080, "api": 8081}}
    for identity in ("web", "web=", "web=x", "web=1,", "web=1,web=2"):
        with pytest.raises(DeployError, match="expected NAME=PORT,NAME=PORT"):
            Handler(PortsKind()).read(identity, {}, CONTEXT)


def test_a_process_is_imported_by_its_folder_with_the_inputs_it_was_given(tmp_path):
    folder = tmp_path / "platform" / "local"
    wanted = {
        "name": "web", "folder": str(folder), "ports": {"http": 0}, "healthTimeout": 20,
        "command": [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port:http}"],
        "environment": {"TOKEN": "{secret:web}", "MINE": "hunter2"},
        "health": "http://127.0.0.1:{port:http}/",
    }  # fmt: skip
    kind = Handler(ProcessKind())
    try:
        identity, outputs = kind.create(wanted, CONTEXT)
        live = kind.read(identity, {}, CONTEXT)
        assert (live.inputs, live.state) == (wanted, {**wanted, **outputs})
        assert "environment" in live.secrets, "it may have been given as a secret"
        assert kind.diff(live.state, wanted).changes == {}
        kind.delete(identity, live.state, CONTEXT)
        with pytest.raises(DeployError, match=r"no resource.json can be read there"):
            kind.read(identity, {}, CONTEXT)
    finally:
        if folder.exists():
            Supervisor(folder).shut_down()


def test_a_database_is_imported_by_its_folder(tmp_path):
    code = "import sqlite3; sqlite3.connect('a.db.draft').execute('create table t (x)')"
    wanted = {
        "name": "app", "folder": str(tmp_path / "platform" / "local"), "file": "a.db",
        "command": [sys.executable, "-c", code],
    }  # fmt: skip
    kind = Handler(DatabaseKind())
    identity, outputs = kind.create(wanted, CONTEXT)
    live = kind.read(identity, {}, CONTEXT)
    assert (live.inputs, live.state) == (wanted, {**wanted, **outputs})
    assert kind.diff(live.state, wanted).changes == {}
