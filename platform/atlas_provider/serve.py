"""Serve a provider to the Pulumi engine: errors read well, and it ends when the engine ends.

`pulumi.provider.experimental.server.main` prints every error as ``Unexpected <class …>``, can't
tell what was done before a failure, and outlives a killed engine. This serves the same servicer
without these three faults.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from atlas.errors import AtlasError, PartialFailureError
from atlas.kinds.properties import to_plain
from atlas_provider.values import to_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas_provider.provider import AtlasProvider

_WATCH_SECONDS = 0.2
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 << 20),
    ("grpc.server_max_unrequested_time_in_server", 1800),
]
"""As Pulumi sets them for its own servers: messages of up to 400 MiB, half an hour to wait."""


def _explained(name: str) -> Any:
    """Wrap a method of the servicer so that its errors reach the engine with their own messages."""
    method = getattr(ProviderServicer, name)

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except PartialFailureError as error:
            await context.abort_with_status(_partial_status(error))
        except AtlasError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception:
            await context.abort(grpc.StatusCode.INTERNAL, f"bug in Atlas\n{traceback.format_exc()}")

    return call


class AtlasServicer(ProviderServicer):
    """Pulumi's own servicer, with errors that read well."""

    Check = _explained("Check")
    Diff = _explained("Diff")
    Create = _explained("Create")
    Read = _explained("Read")
    Update = _explained("Update")
    Delete = _explained("Delete")
    GetSchema = _explained("GetSchema")

    async def Attach(self, request: Any, context: Any) -> Any:
        """Serve an engine that hasn't started this provider."""
        return empty_pb2.Empty()


class _Shared(AtlasServicer):
    """Serves several engines: each cancels at its own end, which doesn't concern the others."""

    async def Cancel(self, request: Any, context: Any) -> Any:
        """Go on: the host of the provider decides when to end early."""
        return empty_pb2.Empty()


def _partial_status(error: PartialFailureError) -> Any:
    """Return the status by which the engine keeps the state of what was done."""
    from pulumi.provider.experimental.property_value import PropertyValue

    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=PropertyValue.marshal_map(to_values(error.state.plain(), error.like)),
            inputs=PropertyValue.marshal_map(to_values(to_plain(error.state.inputs), error.like)),
            reasons=error.reasons,
        )
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    result = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return _Status(code, str(error), tuple(result))


class _Status(grpc.Status):  # type: ignore[misc]
    """A gRPC status with details."""

    def __init__(self, code: Any, details: str, metadata: Any) -> None:
        """Keep the three parts of a status."""
        self.code = code
        self.details = details
        self.trailing_metadata = metadata


def serve(provider: AtlasProvider, version: str, engine: str) -> None:
    """Serve a provider on a free loopback port, printed to stdout, until the engine ends.

    Args:
        provider: what answers.
        version: the plugin's version.
        engine: the engine's address, as Pulumi passes it.
    """
    servicer = AtlasServicer([], version, provider, engine_address=engine)
    asyncio.run(_serve(servicer))


async def _serve(servicer: AtlasServicer) -> None:
    """Serve until the process that started this one has ended, and leave all as it is then.

    An engine that wants an early end calls `Cancel` first. After one that was killed this ends at
    once: the next has perhaps started, and would lose what was tidied up now.
    """
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await _parent_ended(os.getppid())


@contextmanager
def hosted(provider: AtlasProvider, version: str) -> Iterator[int]:
    """Serve a provider in this process, for several engines; give its port on loopback.

    Each engine that starts its own spends half a second of processor time on that alone.
    """
    loop, started = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        server = grpc.aio.server(options=_OPTIONS)
        servicer = _Shared([], version, provider, engine_address="")
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        started.set()
        await ended.wait()
        await server.stop(None)

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    started.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


async def _parent_ended(parent: int, seconds: float = _WATCH_SECONDS) -> None:
    """Wait until this process has another parent than it was started by."""
    while os.getppid() == parent:
        await asyncio.sleep(seconds)
