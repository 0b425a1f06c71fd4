"""What the containers of a node print, in files, and served as a kubelet serves it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane


def log_of(folder: Path, pod: Mapping[str, Any], container: str) -> Path:
    """Return the file of what a container prints."""
    meta = pod["metadata"]
    return folder / f"{meta['namespace']}.{meta['name']}.{container}.log"


@contextmanager
def serving(plane: ControlPlane, folder: Path) -> Iterator[int]:
    """Serve logs to the API server, which asks at ``containerLogs/NAMESPACE/POD/CONTAINER``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            path = folder / f"{'.'.join(parts[1:])}.log"
            is_there = parts[0] == "containerLogs" and path.parent == folder and path.is_file()
            text = path.read_bytes() if is_there else b"no such container\n"
            self.send_response(200 if is_there else 404)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
