"""The backend's files, what the engine's events become, and the platform's files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pulumi
import pytest
import yaml

from atlas.environment import Project
from atlas.errors import DeployError, PlatformError
from atlas_deploy.platforms import lifecycle
from atlas_deploy.stacks import stack
from atlas_deploy.stacks.backend import Backend, inherited
from atlas_deploy.stacks.events import DONE, Listener
from atlas_deploy.stacks.explain import explain
from atlas_deploy.stacks.keeping import keeping
from atlas_deploy.stacks.program import Program


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///not/there", "there is no such folder; make it, or mount it, first"),
        ("ftp://there", "no place for stacks; expected a URL that `pulumi login` takes"),
        ("there", "no place for stacks"),
    ],
)
def test_a_backend_that_cant_be_is_reported(tmp_path, monkeypatch, url, told):
    monkeypatch.delenv("ATLAS_BACKEND", raising=False)
    with pytest.raises(DeployError, match=told):
        Backend.of(Project(tmp_path, tmp_path / "state", backend=url))
    there = Backend.of(Project(tmp_path, tmp_path / "state", backend=tmp_path.as_uri()))
    assert there.place == tmp_path
    monkeypatch.setenv("ATLAS_BACKEND", f"{tmp_path.as_uri()}?metadata=skip")
    assert Backend.of(Project(tmp_path, tmp_path / "state")).place == tmp_path


def test_the_backend_is_private_and_inside_the_state_folder(tmp_path):
    backend = Backend(tmp_path / "state")
    backend.prepare()
    backend.prepare()
    assert oct(backend.passphrase.stat().st_mode & 0o777) == "0o600"
    assert oct(backend.folder.stat().st_mode & 0o777) == "0o700"
    assert (backend.state / ".gitignore").read_text() == "/*\n!/schemas/\n"
    variables = backend.variables(tmp_path / "bin" / "pulumi")
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state/pulumi?metadata=skip"
    assert variables["PULUMI_HOME"].startswith(f"{tmp_path}/state/")
    assert backend.passphrase.read_text().strip() not in variables.values()


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "used before"])
def test_pulumi_has_no_place_for_a_log_of_each_call(tmp_path, is_there):
    backend = Backend(tmp_path / "state")
    logs = Path(backend.variables(tmp_path / "pulumi")["PULUMI_HOME"]) / "logs"
    if is_there:
        logs.mkdir(parents=True)
        (logs / "pulumi-1.log").write_text("calls")
    backend.prepare()
    backend.prepare()
    assert logs.is_file()
    assert logs.read_bytes() == b""


def test_a_passphrase_that_is_there_stays(tmp_path):
    backend = Backend(tmp_path)
    backend.passphrase.write_text("mine\n")
    backend.prepare()
    assert backend.passphrase.read_text() == "mine\n"


def test_what_misleads_pulumi_is_dropped():
    assert inherited({"HOME": "/", "PULUMI_CONFIG_PASSPHRASE": "x"}) == {"HOME": "/"}


def test_configuration_replaces_and_keeps_the_salt(tmp_path):
    path = tmp_path / "Pulumi.local.yaml"
    stack._write_config(path, {"atlas:target": "local"})
    path.write_text(path.read_text() + "encryptionsalt: v1:abc\n")
    stack._write_config(path, {"atlas:target": "aws"})
    assert yaml.safe_load(path.read_text()) == {
        "encryptionsalt": "v1:abc",
        "config": {"atlas:target": "aws"},
    }


def step(op, name, *, kind="atlas:index:Process", custom=True, outputs=None):
    state = SimpleNamespace(custom=custom, outputs=outputs)
    urn = f"urn:pulumi:local::atlas::{kind}::{name}"
    return SimpleNamespace(op=op, urn=urn, type=kind, new=state, old=None)


def event(**parts):
    names = ("resource_pre_event", "res_outputs_event", "diagnostic_event")
    return SimpleNamespace(**{name: parts.get(name) for name in names})


def begun(told):
    return event(resource_pre_event=SimpleNamespace(metadata=told))


def done(told):
    return event(res_outputs_event=SimpleNamespace(metadata=told))


def failed(message, urn="", severity="error"):
    found = SimpleNamespace(message=message, urn=urn, severity=severity)
    return event(diagnostic_event=found)


def test_progress_is_a_line_when_it_starts_and_one_when_it_is_done():
    said = []
    listener = Listener(said.append, {**DONE, "Process:create": "healthy"})
    for made in (step("create", "web"), step("create", "base", kind="atlas:index:Database")):
        listener.hear(begun(made))
        listener.hear(done(made))
    assert [line.split(" (")[0].split() for line in said] == [
        ["web", "starting"],
        ["web", "healthy"],
        ["base", "starting"],
        ["base", "created"],
    ]
    assert listener.changes == {"create": ["web", "base"]}


def test_what_nobody_cares_for_is_not_said():
    said = []
    listener = Listener(said.append)
    listener.hear(done(step("same", "web")))
    listener.hear(done(step("create", "default", kind="pulumi:providers:atlas")))
    listener.hear(done(step("create", "part", kind="atlas:local:Mlflow", custom=False)))
    assert said == []
    assert listener.changes == {}


def test_the_stacks_outputs_are_kept():
    listener = Listener(print)
    outputs = {"platform": {"version": 1}}
    listener.hear(done(step("update", "s", kind="pulumi:pulumi:Stack", outputs=outputs)))
    assert listener.outputs == outputs


def test_failures_are_kept_by_resource_without_colors():
    listener = Listener(print)
    urn = "urn:pulumi:local::atlas::atlas:index:Process::web"
    listener.hear(failed("<{%reset%}>web: port 1 is in use<{%reset%}>\n", urn))
    listener.hear(failed("beware", urn, severity="warning"))
    listener.hear(failed("update failed"))
    assert listener.failures == {"web": ["web: port 1 is in use"]}


def test_a_provider_that_was_killed_is_told_with_what_to_do():
    listener = Listener(print)
    urn = "urn:pulumi:local::atlas::atlas:index:Process::web"
    listener.hear(failed("error reading from server: EOF", urn))
    died = (
        "Detected that /bin/pulumi-resource-atlas exited prematurely. \n       This is *always* a "
        "bug in the provider. Please report the issue to the provider author as appropriate.\n"
        "To assist with debugging we have dumped the STDOUT and STDERR streams of the plugin:\n"
    )
    listener.hear(failed(f"{died}out of memory\n", urn))
    (said,) = listener.failures["web"]
    ended = "the provider was ended; run the same command again, it takes up from there"
    assert said == f"{ended}\nout of memory"


@pytest.mark.parametrize(
    ("failures", "stderr", "message"),
    [
        ({"web": ["web: port 1 is in use"]}, "", "web: port 1 is in use"),
        ({"web": ["lost"], "": ["whole"]}, "", "web: lost\nwhole"),
        ({}, "error: incorrect passphrase", "isn't the one that its state was written with"),
        ({}, "error: failed to load checkpoint: place 1: EOF", "in local.json.bak: put it in"),
        ({}, "error: a\n\nb", "a\nb"),
        ({}, "", "the engine failed without an error message"),
    ],
)
def test_why_the_engine_failed(tmp_path, failures, stderr, message):
    listener = Listener(print, failures=failures)
    said = f"\n code: 1\n stdout: \n stderr: {stderr}"
    assert message in explain(listener, said, "/s/local.json", "/s/passphrase")


def test_what_a_check_found_is_told_without_the_value():
    listener = Listener(print)
    urn = "urn:pulumi:local::atlas::atlas:index:Process::web"
    listener.hear(
        failed(
            "atlas:index:Process resource 'web': property stopSignal value {hunter2} has a "
            "problem: found another",
            urn,
        )
    )
    assert listener.failures == {"web": ["stopSignal: found another"]}


def test_the_reasons_of_a_partial_failure_are_told_one_by_one():
    listener = Listener(print)
    urn = "urn:pulumi:local::atlas::atlas:index:AirflowDags::dags"
    listener.hear(failed("2 errors occurred:\n\t* a: no room\n\t* b: refused\n\n", urn))
    assert listener.failures == {"dags": ["a: no room", "b: refused"]}


def test_a_programs_bug_is_raised_as_itself():
    def bad():
        raise KeyError("x")

    program = Program(bad)
    with pytest.raises(KeyError):
        program()
    with pytest.raises(KeyError):
        program.raise_bug()
    program.raise_bug()


def test_what_a_program_says_to_pulumi_is_no_bug():
    def refused():
        raise pulumi.RunError("no such target")

    program = Program(refused)
    with pytest.raises(pulumi.RunError):
        program()
    program.raise_bug()


def test_history_is_kept_for_fifty_updates(tmp_path):
    backend = Backend(tmp_path)
    history = tmp_path / "pulumi" / ".pulumi" / "history" / "atlas" / "local"
    history.mkdir(parents=True)
    for number in range(1000, 1060):
        for kind in ("history.json", "checkpoint.json", "checkpoint.json.attrs"):
            (history / f"local-{number}.{kind}").touch()
    keeping(backend).tidy("atlas", "local")
    left = sorted(path.name for path in history.glob("*.history.json"))
    assert (len(left), left[0]) == (50, "local-1010.history.json")
    assert len(list(history.iterdir())) == 150


def test_outputs_of_a_platform_that_is_not_up(tmp_path):
    with pytest.raises(
        PlatformError, match=r"platform local: not up in .*; `atlas up` brings it up"
    ):
        lifecycle.outputs(tmp_path, "local")


def test_outputs_that_cannot_be_read(tmp_path):
    path = lifecycle.outputs_file(tmp_path, "local")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(PlatformError, match=r"outputs\.json: outputs of a platform expected"):
        lifecycle.outputs(tmp_path, "local")
    path.write_text(json.dumps({"version": 1}))
    assert lifecycle.outputs(tmp_path, "local") == {"version": 1}


def test_only_atlass_part_of_a_stacks_configuration_is_taken(tmp_path):
    path = tmp_path / "Pulumi.local.yaml"
    assert lifecycle._config(path) == {}
    path.write_text("config:\n  atlas:target: local\n  aws:region: x\n")
    assert lifecycle._config(path) == {"atlas:target": "local"}
    path.write_text("a: [")
    with pytest.raises(PlatformError, match="a stack's configuration expected"):
        lifecycle._config(path)


def test_purge_takes_the_platforms_data_and_leaves_the_store(tmp_path):
    made = ("airflow-jwt.json", "airflow.json", "open-mlflow.html", "registry-http.json")
    for name in ("platform/local/mlflow/mlflow.db", *(f"secrets/{secret}" for secret in made)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    users = ("secrets/airflow-prod.json", "secrets/mine.json", "secrets/open-data.json")
    for name in ("platform/other/x", *users, "store/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    deleted = lifecycle.purge(tmp_path, "local")
    secrets = [tmp_path / "secrets" / secret for secret in made]
    assert deleted == [tmp_path / "platform/local", *secrets]
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["platform/other/x", *users, "store/x"]
