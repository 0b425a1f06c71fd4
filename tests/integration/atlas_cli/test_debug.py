"""`atlas run --debug`: an editor attaches, a step stops at its breakpoint, and strangers can't."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from atlas.runner import debug_adapter

_PATIENCE = 120.0
STEPS = """from atlas import Template
from typing import NamedTuple

class Made(NamedTuple):
    number: int

class Make(Template):
    first: int = 20
    def run(self) -> Made:
        number = self.first + 1
        return Made(number * 2)
"""
LINE = STEPS.splitlines().index("        return Made(number * 2)") + 1
pytestmark = pytest.mark.skipif(not debug_adapter.CONNECTIONS.exists(), reason="not on Linux")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a pipeline of one step."""
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    folder = tmp_path / "numbers"
    folder.mkdir()
    (folder / "steps.py").write_text(STEPS)
    recipe = {
        "version": 1, "name": "numbers", "flow": "training",
        "steps": {"make": {"class": "steps:Make"}},
    }  # fmt: skip
    config = {"version": 1, "name": "numbers", "recipes": {"training": "training.json"}}
    (folder / "training.json").write_text(json.dumps(recipe))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def waiting(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run that waits for a debugger, and its port."""
    command = [sys.executable, "-m", "atlas_cli", "run", str(folder), "--only", "make"]
    process = subprocess.Popen(
        [*command, "--debug", "--debug-port", "0"], cwd=folder.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"waiting for a debugger at 127\.0\.0\.1:(\d+)", line)
        assert found, line + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


class Editor:
    """As much of an editor as speaks the Debug Adapter Protocol."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._stream = self._socket.makefile("rwb")
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> int:
        self._number += 1
        message = {
            "seq": self._number,
            "type": "request",
            "command": command,
            "arguments": arguments,
        }
        content = json.dumps(message).encode()
        self._stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._stream.flush()
        return self._number

    def ask(self, command: str, **arguments: Any) -> Any:
        return self.answer(self.send(command, **arguments))

    def answer(self, number: int) -> Any:
        while True:
            message = self._read()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return message.get("body")

    def event(self, name: str) -> dict[str, Any]:
        while not (found := [one for one in self._events if one["event"] == name]):
            self._read()
        self._events.remove(found[0])
        return dict(found[0].get("body") or {})

    def _read(self) -> dict[str, Any]:
        length = 0
        while (line := self._stream.readline().strip()) or not length:
            assert line, "the debugger has gone"
            length = int(line.partition(b":")[2])
        message = json.loads(self._stream.read(length))
        if message["type"] == "event":
            self._events.append(message)
        return message

    def close(self) -> None:
        self._socket.close()


def test_an_editor_attaches_stops_in_the_step_looks_and_goes_on(folder, waiting):
    process, port = waiting
    editor = Editor(port)
    editor.ask("initialize", adapterID="debugpy", clientID="test", pathFormat="path")
    attach = editor.send("attach", connect={"host": "127.0.0.1", "port": port}, justMyCode=True)
    editor.event("initialized")
    where = {"path": str(folder / "steps.py")}
    placed = editor.ask("setBreakpoints", source=where, breakpoints=[{"line": LINE}])
    assert [one["verified"] for one in placed["breakpoints"]] == [True]
    editor.ask("configurationDone")
    editor.answer(attach)
    stopped = editor.event("stopped")
    assert stopped["reason"] == "breakpoint"
    (frame, *_) = editor.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"]
    assert (Path(frame["source"]["path"]), frame["line"]) == (folder / "steps.py", LINE)
    assert editor.ask("evaluate", expression="number", frameId=frame["id"])["result"] == "21"
    editor.ask("evaluate", expression="number = 100", frameId=frame["id"], context="repl")
    editor.ask("continue", threadId=stopped["threadId"])
    out, error = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, error
    assert "numbers training: done, 1 steps" in out
    made = (folder.parent / ".atlas" / "store" / "numbers").glob("training-*/make/number*/*")
    assert "200" in [file.read_text() for file in made], (
        "what the debugger changed came of the step"
    )
    editor.close()


def test_another_user_and_a_web_page_are_ended_and_the_editor_is_not(waiting):
    _, port = waiting
    ask = (
        "import os, socket, sys, encodings.idna; os.setuid(65534)\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60)\n"
        "try:\n"
        "    s.sendall(b'Content-Length: 2\\r\\n\\r\\n{}'); print(s.recv(1))\n"
        "except ConnectionError: print(b'')"
    )
    if os.getuid() == 0:
        done = subprocess.run(
            [sys.executable, "-I", "-c", ask, str(port)], capture_output=True, text=True
        )
        assert done.stdout == "b''\n", done.stderr
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as page:
        page.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
        with suppress(ConnectionError):
            assert page.recv(1) == b""
    editor = Editor(port)
    assert editor.ask("initialize", adapterID="debugpy")["supportsConfigurationDoneRequest"]
    editor.close()


def test_a_port_that_is_taken_and_an_isolated_step_are_refused(folder):
    command = [sys.executable, "-m", "atlas_cli", "run", str(folder), "--debug"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*command, "--debug-port", str(port)], cwd=folder.parent, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert f"--debug: can't listen at 127.0.0.1:{port}" in done.stderr
    assert "--debug-port takes another port" in done.stderr
    done = subprocess.run(
        [*command, "--isolate", "process"], cwd=folder.parent, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "leave --isolate out" in done.stderr


def test_whose_a_connection_is():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    with client, other:
        assert debug_adapter.owner(other) == os.getuid()
        assert debug_adapter.owner(client) == os.getuid()
