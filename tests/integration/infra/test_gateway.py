"""The gateway's configuration in a real nginx, in front of two servers."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from atlas.waiting import Clock, wait_until
from infra.kubernetes.gateway import ACCOUNT, Gateway
from infra.kubernetes.secrets import derive, salted_digest
from tests.tether import tied

PASSWORD = derive("k" * 40, "dev", "kubeflow")


class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        who = self.headers.get("kubeflow-userid") or self.headers.get("Authorization")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.server.server_port} {self.path} {who}".encode())

    def log_message(self, *words):
        pass


class UnixConnection(HTTPConnection):
    """A connection to a socket of a file, which nobody else can take first."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def get(way: str, path: str, authorization: str = "") -> tuple[int, str]:
    headers = {"kubeflow-userid": "admin@example.com"}
    headers |= {"Authorization": authorization} if authorization else {}
    connection = UnixConnection(way)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        asked = answer.headers.get("WWW-Authenticate")
        return answer.status, text if answer.status == 200 else str(asked)
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.fixture
def servers() -> Iterator[list[int]]:
    found = [ThreadingHTTPServer(("127.0.0.1", 0), Echo) for _ in range(2)]
    for one in found:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    yield [one.server_port for one in found]
    for one in found:
        one.shutdown()
        one.server_close()


@pytest.fixture
def way(servers: list[int]) -> Iterator[str]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no nginx on PATH")
    api, pages = servers
    routes = {"/": f"127.0.0.1:{pages}", "/apis/": f"127.0.0.1:{api}"}
    gateway = Gateway(service="kubeflow", namespace="kubeflow", routes=routes)
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        socket_ = f"{folder}/way"
        salted = salted_digest(PASSWORD)
        found = gateway.files(PASSWORD.hex(), salted, folder=folder, port=f"unix:{socket_}")
        for name, text in found.items():
            own = re.sub(r" /tmp/(?!gateway-)", f" {folder}/", text)
            Path(folder, name).write_text(own, "utf-8")
        main = Path(folder, "nginx.conf")
        if os.geteuid() == 0:
            main.write_text(f"user root;\n{main.read_text('utf-8')}", "utf-8")
        words = [program, "-e", "stderr", "-g", "daemon off;", "-c", str(main)]
        process = subprocess.Popen(tied(words), stderr=subprocess.DEVNULL)
        try:
            done = wait_until(lambda: get(socket_, "/-/gateway")[0] == 200, 60, 0.05, Clock())
            assert done, "nginx answers"
            yield socket_
        finally:
            process.terminate()
            process.wait(timeout=60)


def test_who_has_the_password_gets_in_and_nobody_else(way, servers):
    api, pages = servers
    assert get(way, "/") == (401, 'Basic realm="Atlas"')
    assert get(way, "/apis/v2beta1/runs")[0] == 401
    for wrong in ("Bearer x", "Bearer ", basic(ACCOUNT, "x"), basic("root", PASSWORD.hex())):
        assert get(way, "/apis/v2beta1/runs", wrong)[0] == 401, wrong
    for right in (f"Bearer {PASSWORD.hex()}", basic(ACCOUNT, PASSWORD.hex())):
        found = get(way, "/apis/v2beta1/runs?a=1", right)
        assert found == (200, f"{api} /apis/v2beta1/runs?a=1 None")
        assert get(way, "/pipelines", right) == (200, f"{pages} /pipelines None")
