"""What a node answers to the API server: what containers printed, and commands run in them."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from atlas_provider.cluster.pods import PodProcesses, log_of

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_provider.cluster.api import ClusterApi

_PLACE = 3
"""Words of a container's place: namespace, pod, container."""
Find = Callable[[str, str], PodProcesses | None]
"""Finds a pod by its namespace and its name."""


@contextmanager
def serving(plane: ClusterApi, folder: Path, find: Find, port: int = 0) -> Iterator[int]:
    """Serve a node's part of Kubernetes' API, as far as it is used.

    Logs are at ``containerLogs/NAMESPACE/POD/CONTAINER``. A command that is sent to
    ``exec/NAMESPACE/POD/CONTAINER`` is run, and what it printed is the answer: there are no
    streams, so that who sent it sees a refusal to open them.
    """

    class KubeletHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            kind, *place = url.path.strip("/").split("/")
            if kind == "exec" and len(place) == _PLACE:
                command = parse_qs(url.query).get("command", [])
                return self._say(*executed(find, place, command))
            path = log_of(folder, *place) if len(place) == _PLACE else folder
            is_there = kind == "containerLogs" and path.parent == folder and path.is_file()
            return self._say(200 if is_there else 404, path.read_bytes() if is_there else b"none\n")

        do_POST = do_GET

        def _say(self, code: int, text: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), KubeletHandler)
    server.daemon_threads = True
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(plane.authority, plane.authority.with_suffix(".key"))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def executed(find: Find, place: Sequence[str], command: Sequence[str]) -> tuple[int, bytes]:
    """Run a command in a container; return the status of the answer, and what was printed."""
    namespace, name, container = place
    pod = find(namespace, name)
    if pod is None:
        return 404, b"no such pod\n"
    try:
        return 200, pod.execute(container, command).encode()
    except (KeyError, IndexError, OSError, subprocess.SubprocessError) as error:
        return 500, f"{error}\n".encode()
