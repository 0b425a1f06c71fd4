"""The provider's small parts: files, secrets, placeholders, ports, processes, health."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from atlas.errors import PlatformError
from atlas_provider import ports, process_trees, program, vault
from atlas_provider.health import Health, ailment
from atlas_provider.program import PlatformProgram, render
from atlas_provider.templates import Filling, ports_of


def mode(path):
    return oct(path.stat().st_mode & 0o777)


def test_a_secret_is_made_once_however_many_ask(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: vault.ensure(tmp_path, "web")["password"], range(64)))
    assert len(set(made)) == 1
    assert len(made[0]) >= 32
    assert os.listdir(tmp_path) == ["web.json"]
    assert mode(tmp_path / "web.json") == "0o600"


def test_a_damaged_secret_is_named_and_not_shown(tmp_path):
    (tmp_path / "web.json").write_text('{"password": "hunter2"')
    with pytest.raises(PlatformError, match=r"web\.json: no secret can be read") as caught:
        vault.ensure(tmp_path, "web")
    assert "hunter2" not in str(caught.value)


def filling(tmp_path, *, make=True):
    return Filling(tmp_path / "p" / "web", tmp_path / "p", {"http": 80}, tmp_path / "s", make)


def test_placeholders(tmp_path):
    filled = filling(tmp_path)
    text = '{dir} {folder} {port:http} {"json": {}} {unknown} {secret:web.username}'
    assert filled.fill(text) == (
        f'{tmp_path}/p/web {tmp_path}/p 80 {{"json": {{}}}} {{unknown}} atlas'
    )
    password = filled.fill("{secret:web}")
    assert password == json.loads((tmp_path / "s" / "web.json").read_text())["password"]
    assert filled.redact(f"said {password}!") == "said [secret]!"
    assert ports_of(["{port:http} {port:grpc}", "{dir}"]) == {"http", "grpc"}


def test_a_secret_that_should_be_there_is_not_made(tmp_path):
    with pytest.raises(PlatformError):
        filling(tmp_path, make=False).fill("{secret:web}")
    assert not (tmp_path / "s").exists()


def a_program(tmp_path, **changes):
    return PlatformProgram(
        name="web", folder=tmp_path / "p", vault=tmp_path / "s", command=["serve"], **changes
    )


def test_what_is_on_disk_has_the_digest_of_what_was_rendered(tmp_path):
    first = a_program(tmp_path, files={"a/b": "1", "c": "{secret:x}"}, environment={"K": "{dir}"})
    rendered = render(first, first.filling({}, make=True))
    program.write(rendered)
    assert program.written_digest(first.directory) == rendered.digest()
    second = a_program(tmp_path, files={"c": "2"})
    program.write(render(second, second.filling({}, make=True)))
    assert not (first.directory / "a" / "b").exists()
    assert program.written_digest(first.directory) != rendered.digest()
    program.remove(first.directory)
    assert not first.directory.exists()
    assert program.written_digest(first.directory) == ""


def test_chosen_ports_are_free_and_differ():
    with ThreadPoolExecutor(8) as pool:
        chosen = list(pool.map(lambda _: ports.choose_port(), range(50)))
    assert len(set(chosen)) == 50
    assert all(ports.is_free(port) for port in chosen)


def test_a_port_in_use_has_a_holder():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.is_listening(port)
        assert ports.holder(port) == os.getpid()
        assert ports.describe_holder(port).startswith(f"process {os.getpid()} (")
    assert ports.holder(port) is None
    assert ports.describe_holder(port) == "another process"


SLEEPER = "import time; time.sleep(600)"
FAMILY = (
    "import subprocess, sys\n"
    f"subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n"
    "print('ready', flush=True)\n"
    f"{SLEEPER}\n"
)


def test_a_process_with_its_offspring_is_found_and_ended():
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY],
        stdout=subprocess.PIPE,
        env={**os.environ, process_trees.MARK: "/state/x"},
    ) as parent:
        parent.stdout.readline()
        offspring = process_trees.descendants(parent.pid)
        assert len(offspring) == 2
        assert process_trees.marked("/state/x") == offspring
        assert process_trees.marked("/state") == set()
        assert process_trees.end(offspring, 5) == set()
    assert process_trees.find(parent.pid) is None


def test_who_ignores_the_signal_is_killed():
    deaf = f"import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); {SLEEPER}"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert process_trees.end(process_trees.descendants(process.pid), 0.2) == set()
        assert process.wait() == -9


class Answer(http.server.BaseHTTPRequestHandler):
    """Answer with the class's body."""

    body = b""

    def do_GET(self):
        self.send_response(404 if self.path == "/no" else 200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def url():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_health_over_http(url, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert ailment(Health(url=url), {}) == ""
    assert ailment(Health(url=f"{url}/no"), {}) == f"{url}/no answered 404"
    assert "doesn't answer" in ailment(Health(url="http://127.0.0.1:9/"), {})


def test_health_in_an_answer(url, monkeypatch):
    now = datetime.now(UTC)
    body = {"scheduler": {"status": "healthy", "beat": now.isoformat()}}
    monkeypatch.setattr(Answer, "body", json.dumps(body).encode())
    fresh = {"scheduler.status": "healthy", "scheduler.beat": "fresh"}
    assert ailment(Health(url=url, expect=fresh, since=now), {}) == ""
    stale = Health(url=url, expect=fresh, since=now + timedelta(seconds=1))
    assert "scheduler.beat is" in ailment(stale, {})
    ill = ailment(Health(url=url, expect={"triggerer.status": "healthy"}), {})
    assert ill == f"{url}: triggerer.status is None; expected 'healthy'"
    monkeypatch.setattr(Answer, "body", b"<html>")
    assert ailment(Health(url=url, expect=fresh), {}) == f"{url} didn't answer with JSON"


def test_health_by_connection_and_by_command(url):
    assert ailment(Health(url=url.replace("http", "tcp")), {}) == ""
    assert ailment(Health(url="tcp://127.0.0.1:9"), {}) == "tcp://127.0.0.1:9 accepts no connection"
    assert ailment(Health(command=["true"]), os.environ) == ""
    assert ailment(Health(command=["false"]), os.environ) == "false exited 1"
    assert "can't be run" in ailment(Health(command=["/no/such"]), os.environ)
    assert ailment(Health(), {}) == ""
