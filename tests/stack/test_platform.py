"""The local platform, real: up, drift, repair, what it offers, down."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
import urllib.parse
import urllib.request
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from atlas_provider import process_trees

pytestmark = pytest.mark.stack

LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
GIB = 1024 * 1024


def get(url, data=None, token="", method=None, headers=None):
    headers = {"Content-Type": "application/json", **(headers or {})}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read() or "null")


def wait_for(condition, seconds=200):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.3)
    return found


def test_the_outputs_are_what_the_contract_says(platform):
    schema = json.loads((resources.files("atlas") / "schemas" / "outputs.v1.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(platform.outputs)
    written = json.loads((platform.state / "platform" / "local" / "outputs.json").read_text())
    assert written == platform.outputs
    assert json.loads(platform.run("outputs", "--json").stdout) == platform.outputs
    assert platform.run("outputs", "mlflow").stdout.strip() == platform.url("mlflow")


def test_the_doctor_finds_nothing_wrong_with_it(platform):
    found = json.loads(platform.run("doctor", "--stack", "local", "--json").stdout)
    assert [one for one in found if not one["ok"]] == []
    tried = {one["trial"] for one in found}
    assert tried >= {
        "airflow answers",
        "airflow takes the password",
        "DAG files can be written",
        "mlflow takes the password",
        "images can be pushed",
        "the store can be written and read",
    }


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("mlflow", "/health"),
        ("prometheus", "/-/healthy"),
        ("pushgateway", "/-/healthy"),
        ("alertmanager", "/-/healthy"),
        ("airflow", "/api/v2/version"),
    ],
)
def test_every_service_answers(platform, service, path):
    headers = platform.opens(service)
    request = urllib.request.Request(platform.url(service) + path, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200


def test_airflow_is_well_and_opens_with_the_secret_that_the_outputs_name(platform):
    url = platform.url("airflow")
    health = get(f"{url}/api/v2/monitor/health")
    assert {part: health[part]["status"] for part in PARTS} == dict.fromkeys(PARTS, "healthy")
    name = platform.outputs["services"]["airflow"]["credentials"]
    secret = platform.state / "secrets" / f"{name}.json"
    assert oct(secret.stat().st_mode & 0o777) == "0o600"
    assert get(f"{url}/auth/token", json.loads(secret.read_text()))["access_token"]


def test_a_second_up_changes_nothing(platform):
    before = platform.processes()
    done = platform.run("up")
    assert done.stderr.strip() == "nothing to do: everything runs as it should"
    assert platform.processes() == before


def test_a_dead_service_is_seen_and_comes_back_on_its_port(platform):
    platform.kill("mlflow-server")
    done = platform.run("up", "--json")
    lines = [line.split("(")[0].strip() for line in done.stderr.splitlines()]
    assert lines == ["mlflow-server            starting", "mlflow-server            healthy again"]
    assert json.loads(done.stdout) == platform.outputs
    with urllib.request.urlopen(f"{platform.url('mlflow')}/health", timeout=30) as response:
        assert response.status == 200


def test_a_port_that_is_taken_is_named_with_who_has_it(platform):
    platform.kill("pushgateway")
    port = int(platform.url("pushgateway").rsplit(":", maxsplit=1)[1])
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(lambda: squatter.connect_ex(("127.0.0.1", port)) != 0)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        done = platform.run("up", code=1)
    held = f"pushgateway: port {port} (http) is in use by process {os.getpid()} ("
    assert held in done.stderr
    assert "Traceback" not in done.stderr
    assert "healthy again" in platform.run("up").stderr


def test_what_is_pushed_can_be_queried_with_its_own_labels(platform):
    """The metric is none of Atlas's: with another type, the Pushgateway would refuse every run's."""
    group = f"{platform.url('pushgateway')}/metrics/job/scoring/pipeline/tumour"
    opens = platform.opens("pushgateway")
    pushed = urllib.request.Request(group, b"scored_rows 569\n", opens, method="PUT")
    urllib.request.urlopen(pushed, timeout=30).close()
    query = urllib.parse.urlencode({"query": 'scored_rows{pipeline="tumour"}'})
    url = f"{platform.url('prometheus')}/api/v1/query?{query}"
    opens = platform.opens("prometheus")
    (found,) = wait_for(lambda: get(url, headers=opens)["data"]["result"])
    assert found["value"][1] == "569"
    assert found["metric"]["job"] == "scoring"


def test_prometheus_tells_the_alertmanager(platform):
    if "alertmanager" not in platform.outputs["services"]:
        pytest.skip("alertmanager isn't installed")
    url = f"{platform.url('prometheus')}/api/v1/alertmanagers"
    opens = platform.opens("prometheus")
    (active,) = wait_for(lambda: get(url, headers=opens)["data"]["activeAlertmanagers"])
    assert active["url"].startswith(platform.url("alertmanager"))


def listeners(pids):
    """Return the addresses on which processes listen, as the kernel writes them."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # It ends just now.
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].split(":")[0])
    return found


def test_everything_listens_on_loopback_alone(platform):
    assert listeners({process.pid for process in platform.processes()}) <= LOOPBACK


def test_the_platform_is_light(platform):
    server = int((platform.state / "platform" / "local" / "supervisord.pid").read_text())
    pids = {process.pid for process in platform.processes()} | {server}
    kib = sum(map(proportional_set_size, pids))
    assert kib <= 2 * GIB, f"{kib / 1024:.0f} MiB"


def proportional_set_size(pid):
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])


def test_no_password_is_in_pulumis_state_or_in_a_log(platform):
    secrets = [
        json.loads(path.read_text())["password"].encode()
        for path in (platform.state / "secrets").glob("*.json")
    ]
    assert len(secrets) >= 4
    places = [platform.state / "pulumi", platform.state / "platform" / "local" / "log"]
    for place in places:
        for path in place.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert not any(secret in content for secret in secrets), path


def test_no_file_of_ours_can_be_read_by_others(platform):
    for folder in ("platform/local", "pulumi", "secrets"):
        assert oct((platform.state / folder).stat().st_mode & 0o777) == "0o700"
    assert oct((platform.state / "passphrase").stat().st_mode & 0o777) == "0o600"


DAG = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("probe", schedule=None):
    BashOperator(task_id="tell", bash_command="env > {place}")
"""


def test_a_dag_file_is_found_and_its_task_knows_the_platform(platform, tmp_path):
    folder = Path(urllib.parse.urlsplit(platform.url("dags")).path)
    url = platform.url("airflow")
    secret = json.loads((platform.state / "secrets" / "airflow.json").read_text())
    token = get(f"{url}/auth/token", secret)["access_token"]
    file = folder / "probe.py"
    file.write_text(DAG.format(place=tmp_path / "environment"))
    try:
        wait_for(
            lambda: "probe" in {d["dag_id"] for d in get(f"{url}/api/v2/dags", token=token)["dags"]}
        )
        get(f"{url}/api/v2/dags/probe", {"is_paused": False}, token, "PATCH")
        get(f"{url}/api/v2/dags/probe/dagRuns", {"logical_date": None}, token)
        wait_for((tmp_path / "environment").exists, 120)
    finally:
        file.unlink()
    found = dict(
        line.split("=", 1)
        for line in (tmp_path / "environment").read_text().splitlines()
        if "=" in line
    )
    assert found["ATLAS_STATE"] == str(platform.state)
    assert found["ATLAS_STORE"] == platform.url("store")
    assert found["ATLAS_MLFLOW_URL"] == platform.url("mlflow")
    assert found["ATLAS_PUSHGATEWAY_URL"] == platform.url("pushgateway")
    for name in ("mlflow", "pushgateway"):
        path = platform.state / "secrets" / f"{name}.json"
        assert found[f"ATLAS_{name.upper()}_CREDENTIALS"] == str(path)
        assert json.loads(path.read_text())["password"] not in (*found.values(),)
    assert Path(found["ATLAS_PYTHON"]).exists()
    assert not [name for name in found if name.startswith("PULUMI_")]


def test_an_up_that_was_killed_is_taken_up_again_or_down(atlas):
    """Killed while services start: the engine ends, `down` finds what Pulumi doesn't know of."""
    with atlas.start("up") as running:
        for line in running.stdout:
            if line.startswith("mlflow-database") and "starting" in line:
                break
        running.kill()
    wait_for(lambda: not atlas.engines())
    atlas.run("down")
    assert atlas.processes() == set()
    assert not (atlas.state / "platform" / "local" / "supervisord.sock").exists()


def test_an_interrupted_up_ends_soon_and_leaves_what_is_whole(atlas):
    with atlas.start("up") as running:
        for line in running.stdout:
            if line.startswith("prometheus") and "healthy" in line:
                break
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
    assert running.returncode == 130
    assert "interrupted: waiting for the update to end" in rest
    wait_for(lambda: not atlas.engines())
    commands = [process_trees.command(process.pid) for process in atlas.processes()]
    names = {Path(command.partition(" ")[0]).name for command in commands}
    assert "prometheus" in names
    assert not any(name.startswith(("python", "airflow")) for name in names)


def test_outputs_without_a_platform_say_what_to_do(atlas):
    done = atlas.run("outputs", code=1)
    assert done.stderr == (
        f"error: platform local: not up in {atlas.state}; `atlas up` brings it up\n"
    )
