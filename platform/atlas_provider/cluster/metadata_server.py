"""ml-metadata's store behind gRPC: ``python metadata_server.py SQLITE_FILE ADDRESS``.

Kubeflow's own server is this store around which C++ puts gRPC; PyPI has the store with bindings for
Python that take and give the very messages, so that a call is handed on as it came. Run by the
Python of the store's own environment.
"""

from __future__ import annotations

import sys
import threading
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped, unused-ignore]
from ml_metadata.metadata_store.pywrap.metadata_store_extension import (  # type: ignore[import-not-found]
    metadata_store,
)
from ml_metadata.proto import metadata_store_pb2  # type: ignore[import-not-found]

SERVICE = "ml_metadata.MetadataStoreService"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Calls(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    """Hands the calls of the service on to a store, one at a time."""

    def __init__(self, path: str) -> None:
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = path
        mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        config.sqlite.connection_mode = mode
        options = metadata_store_pb2.MigrationOptions()
        self._store = metadata_store.CreateMetadataStore(
            config.SerializeToString(), options.SerializeToString()
        )
        self._lock = threading.Lock()

    def service(self, handler_call_details: Any) -> Any:
        """Return what answers a method, None for one that the store doesn't have."""
        service, _, method = handler_call_details.method.lstrip("/").partition("/")
        call = getattr(metadata_store, method, None)
        if service != SERVICE or call is None:
            return None

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            with self._lock:
                body, message, code = call(self._store, request)
            if code:
                text = message.decode() if isinstance(message, bytes) else message
                context.abort(_CODES[code], text)
            return bytes(body)

        return grpc.unary_unary_rpc_method_handler(answer)


def main(path: str, address: str) -> None:
    """Serve a store in a file."""
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Calls(path)])
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
