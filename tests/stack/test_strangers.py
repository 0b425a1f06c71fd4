"""Nobody but the platform's user gets anything of it: strangers, web pages, foreign names, uid 65534.

Every listening port and socket of the platform's processes is asked, whatever they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from atlas_provider.supervision import Supervisor

pytestmark = pytest.mark.stack

NOBODY = 65534
REFUSED = (401, 403)
ABSENT = (308, 400, 404, 405, 415)
EVIL = "http://evil.example"
PASSWORDS = ("mlflow", "airflow", "prometheus", "alertmanager", "pushgateway", "registry")
PUBLIC = {
    ("mlflow", "/health"),
    ("airflow", "/"),
    ("airflow", "/auth/login"),
    ("airflow", "/api/v2/version"),
    ("airflow", "/api/v2/monitor/health"),
    ("registry", "/"),
}
"""What is open to everybody, and says nothing of anyone's work."""


def ask(url, method="GET", data=None, **headers):
    """Return status and content of a request; redirects aren't followed."""
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with OPENER.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


OPENER = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))

ASKED = {
    "mlflow": [
        ("GET", "/"), ("GET", "/health"), ("GET", "/version"), ("GET", "/signup"), ("GET", "/get-artifact?run_id=x&path=y"),
        ("GET", "/api/2.0/mlflow/experiments/search?max_results=1"), ("POST", "/api/2.0/mlflow/experiments/create"),
        ("POST", "/api/2.0/mlflow/registered-models/create"), ("POST", "/api/2.0/mlflow/model-versions/create"),
        ("POST", "/api/2.0/mlflow/registered-models/alias"), ("POST", "/api/2.0/mlflow/users/create"),
        ("PATCH", "/api/2.0/mlflow/users/update-password"), ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/0/x"), ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/0/x"), ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=."),
        ("POST", "/graphql"), ("POST", "/v1/traces"), ("GET", "/docs"), ("GET", "/openapi.json"),
    ],
    "airflow": [
        ("GET", "/"), ("GET", "/api/v2/version"), ("GET", "/api/v2/monitor/health"), ("GET", "/api/v2/dags"),
        ("GET", "/api/v2/config"), ("GET", "/api/v2/connections"), ("GET", "/api/v2/variables"),
        ("POST", "/api/v2/dags/x/dagRuns"), ("PATCH", "/api/v2/dags/x"), ("POST", "/api/v2/variables"),
        ("POST", "/auth/token"), ("POST", "/execution/task-instances/x/run"), ("GET", "/execution/variables/x"),
    ],
    "prometheus": [
        ("GET", "/"), ("GET", "/graph"), ("GET", "/metrics"), ("GET", "/api/v1/query?query=up"), ("POST", "/-/reload"),
        ("POST", "/-/quit"), ("GET", "/api/v1/status/config"), ("POST", "/api/v1/admin/tsdb/snapshot"),
        ("GET", "/debug/pprof/cmdline"), ("GET", "/federate?match[]=up"), ("GET", "/-/healthy"),
    ],
    "pushgateway": [
        ("GET", "/"), ("GET", "/metrics"), ("PUT", "/metrics/job/atlas"), ("POST", "/metrics/job/atlas"),
        ("DELETE", "/metrics/job/atlas"), ("POST", "/-/quit"), ("PUT", "/api/v1/admin/wipe"), ("GET", "/api/v1/metrics"),
    ],
    "alertmanager": [
        ("GET", "/"), ("GET", "/api/v2/status"), ("POST", "/api/v2/silences"), ("POST", "/api/v2/alerts"),
        ("POST", "/-/reload"), ("GET", "/metrics"), ("GET", "/debug/pprof/cmdline"),
    ],
    "registry": [
        ("GET", "/v2/"), ("GET", "/v2/_catalog"), ("POST", "/v2/evil/blobs/uploads/"), ("PUT", "/v2/evil/manifests/x"),
        ("DELETE", "/v2/evil/manifests/x"),
    ],
}  # fmt: skip
"""What is asked of each service, with and without a right to it."""


def bodies(method):
    return b"{}" if method in ("POST", "PUT", "PATCH") else None


def asked(platform):
    """Give each request to each service that the platform has."""
    for name, requests in ASKED.items():
        if name in platform.outputs["services"]:
            yield from ((name, method, path) for method, path in requests)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YXRsYXM6YXRsYXM="},
        {"Authorization": "Bearer x"},
        {"Origin": EVIL, "Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
    ids=["a stranger", "a guess", "a token", "a web page", "a foreign host"],
)
def test_nobody_is_answered_without_a_password(platform, headers):
    """As a stranger, as a page of another origin, and under a name bound to this address."""
    found = {
        f"{method} {name}{path}": status
        for name, method, path in asked(platform)
        if (name, path) not in PUBLIC
        for status, _ in [ask(platform.url(name) + path, method, bodies(method), **headers)]
        if status not in (*REFUSED, *ABSENT, 422)
    }
    assert found == {}


@pytest.mark.parametrize("origin", [EVIL, "http://127.0.0.1:1", "null"])
def test_a_web_page_gets_nothing_from_mlflow_with_the_users_own_password(platform, origin):
    opens = platform.opens("mlflow")
    for method, path in ASKED["mlflow"]:
        if path != "/health":
            status, _ = ask(
                platform.url("mlflow") + path, method, bodies(method), Origin=origin, **opens
            )
            assert status == 403, (method, path)


def test_a_foreign_host_gets_nothing_from_mlflow_with_the_users_own_password(platform):
    opens = platform.opens("mlflow")
    for path in ("/", "/api/2.0/mlflow/experiments/search?max_results=1"):
        assert ask(platform.url("mlflow") + path, Host="evil.example", **opens)[0] == 403


def test_no_page_reads_what_prometheus_answers(platform):
    url, opens = f"{platform.url('prometheus')}/api/v1/query?query=up", platform.opens("prometheus")
    request = urllib.request.Request(url, headers={**opens, "Origin": EVIL})
    with OPENER.open(request, timeout=30) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_request_ends_a_server_or_has_it_read_rules_again(platform):
    for name in ("prometheus", "pushgateway", "alertmanager"):
        if name not in platform.outputs["services"]:
            continue
        opens, url = platform.opens(name), platform.url(name)
        paths = ("/-/quit",) if name == "alertmanager" else ("/-/quit", "/-/reload")
        for path in paths:
            for method in ("POST", "PUT"):
                assert ask(url + path, method, b"", **opens)[0] in (403, 404, 405)
        assert Supervisor(platform.state / "platform" / "local").pid(name)


def listeners(pids):
    """Return the ports on which processes listen, over IPv4 and IPv6."""
    inodes = set()
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # It ends just now.
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inodes |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
    lines = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {int(f[1].rpartition(":")[2], 16) for f in lines if f[3] == "0A" and f[9] in inodes}


NOBODYS = """
import encodings.idna, json, os, socket, sys, urllib.request, urllib.error
from pathlib import Path

job = json.load(sys.stdin)
"".encode("idna")
os.setgroups([]); os.setgid(job["uid"]); os.setuid(job["uid"])
os.environ.clear()
got = []

def tell(what, content=b""):
    if isinstance(content, str):
        content = content.encode()
    got.append({"what": what, "secret": any(s.encode() in content for s in job["secrets"])})

def opened(path):
    try:
        with open(path, "rb") as file:
            tell(f"read {path}", file.read(1 << 20))
    except OSError:
        pass

state = Path(job["state"])
for path in job["files"]:
    opened(path)
for folder in job["folders"]:
    try:
        tell(f"listed {folder}: {os.listdir(folder)[:3]}")
    except OSError:
        pass
    try:
        made = Path(folder, "stranger")
        made.touch()
        tell(f"wrote into {folder}")
    except OSError:
        pass
for path in job["sockets"]:
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(path)
            tell(f"connected to {path}")
        except OSError:
            pass
for pid in job["pids"]:
    for name in ("environ", "maps", "mem", "auxv", "stack"):
        opened(f"/proc/{pid}/{name}")
    for name in ("cwd", "root", "exe"):
        try:
            tell(f"followed /proc/{pid}/{name} to {os.readlink(f'/proc/{pid}/{name}')}")
        except OSError:
            pass
    try:
        shown = Path(f"/proc/{pid}/cmdline").read_bytes()
        if any(s.encode() in shown for s in job["secrets"]):
            tell(f"read a secret in /proc/{pid}/cmdline", shown)
        os.kill(pid, 0)
        tell(f"may send signals to {pid}")
    except OSError:
        pass

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None

opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
for url, method, body, headers in job["requests"]:
    request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
    try:
        with opener.open(request, timeout=30) as answer:
            content = answer.read()
            is_page = method == "GET" and content.decode("utf-8", "replace") in job["pages"]
            if not is_page and (content or not url.endswith(job["empty"])):
                tell(f"{method} {url} {headers}: {answer.status}", content)
    except urllib.error.HTTPError as error:
        content = error.read()
        if any(s.encode() in content for s in job["secrets"]):
            tell(f"{method} {url}: {error.code} shows a secret", content)
    except OSError:
        pass
print(json.dumps(got))
"""
"""What uid 65534 tries, in a process of its own; the interpreter may be one that it can't read."""

WAYS = [
    *("/", "/metrics", "/health", "/-/quit", "/-/reload", "/api/v1/admin/tsdb/snapshot"),
    *(
        "/api/v1/query?query=up",
        "/api/v2/silences",
        "/api/v2/alerts",
        "/api/v2/dags",
        "/v2/_catalog",
    ),
    *(
        "/api/v2/config",
        "/api/v2/connections",
        "/ui/config",
        "/api/v2/dagSources/x",
        "/debug/pprof/heap",
    ),
    *("/api/2.0/mlflow/experiments/search?max_results=9", "/api/2.0/mlflow/experiments/create"),
    *("/api/2.0/mlflow/registered-models/create", "/api/2.0/mlflow/model-versions/create"),
    *("/api/2.0/mlflow/registered-models/alias", "/api/2.0/mlflow/users/create", "/signup"),
    *(
        "/api/2.0/mlflow/runs/search",
        "/api/2.0/mlflow/runs/create",
        "/ajax-api/2.0/mlflow/gateway-proxy",
    ),
    *(
        "/get-artifact?run_uuid=x&path=../../../../etc/passwd",
        "/model-versions/get-artifact?path=x",
    ),
    *("/api/2.0/mlflow-artifacts/artifacts/..%2f..%2fmlflow.db", "/static-files/..%2f..%2fx"),
    *(
        "/static/../api/2.0/mlflow/experiments/search?max_results=9",
        "/health/../version",
        "//version",
    ),
    *(
        "/metrics/job/atlas",
        "/metrics/job/atlas/pipeline/x",
        "/api/v1/metrics",
        "/api/v1/status/flags",
    ),
    *(
        "/RPC2",
        "/containers/json",
        "/v1.40/containers/json",
        "/login",
        "/auth/token",
        "/auth/users",
    ),
]
"""Paths that are asked on every port, whatever listens there: those of the issue, and more."""
ATTACK = {"name": "evil", "artifact_location": "file:///", "username": "evil", "password": "evil-evil-evil",
          "source": "file:///", "alias": "champion", "version": "1", "max_results": 9}  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become uid 65534")
def test_another_user_of_the_machine_finds_no_way_in(platform):
    assert platform.state.stat().st_uid != NOBODY
    tried = attempts(platform)
    done = subprocess.run(
        [sys.executable, "-I", "-c", NOBODYS],
        input=json.dumps(tried),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    got = [one for one in json.loads(done.stdout) if one["secret"] or not is_public(one["what"])]
    assert [one["what"] for one in got] == []
    assert all(page.lower().startswith("<!doctype html>") for page in tried["pages"])
    assert len(tried["requests"]) >= 37 * 6
    assert len(tried["files"]) > 50
    assert ask(f"{platform.url('mlflow')}/health")[0] == 200, "all of it still runs"
    assert not Supervisor(platform.state / "platform" / "local").dead()


def attempts(platform):
    """Return all that is tried, for the process of uid 65534."""
    state = platform.state
    below = (Path(at, name) for at, folders, files in os.walk(state) for name in folders + files)
    here = [state, *(path for path in below if not path.is_symlink())]
    server = int((state / "platform" / "local" / "supervisord.pid").read_text())
    pids = sorted({process.pid for process in platform.processes()} | {server})
    secrets = [json.loads(path.read_text())["password"] for path in state.glob("secrets/*.json")]
    ports = sorted(listeners(pids))
    assert len(ports) >= 6
    headers = [{}, {"Authorization": "Basic YXRsYXM6YXRsYXM="}, {"Origin": EVIL, "Content-Type": "text/plain"},
               {"Host": "evil.example"}]  # fmt: skip
    requests = [
        (
            f"http://127.0.0.1:{port}{path}",
            method,
            json.dumps(ATTACK) if method != "GET" else "",
            given,
        )
        for port in ports
        for path in WAYS
        for method in ("GET", "POST", "PUT", "DELETE")
        for given in (headers if method in ("GET", "POST") else headers[:1])
    ]
    return {
        "uid": NOBODY,
        "pages": [ask(platform.url("airflow") + path)[1].decode() for path in ("/", "/auth/login")],
        "empty": platform.url("registry") + "/",
        "state": str(state),
        "secrets": [*secrets, (state / "passphrase").read_text().strip()],
        "files": [str(path) for path in here if path.is_file()],
        "folders": [str(path) for path in here if path.is_dir()],
        "sockets": [str(path) for path in here if path.is_socket()],
        "pids": pids,
        "requests": requests,
    }


def is_public(what: str) -> bool:
    """Tell whether what was answered is open to everybody, and says nothing of anyone's work.

    Airflow's two pages, which are the same for every path and ask for the password, and the
    registry's empty root aren't told at all.
    """
    return (
        re.match(r"GET http://[^ ]*:\d+/(health|api/v2/version|api/v2/monitor/health) ", what)
        is not None
    )
