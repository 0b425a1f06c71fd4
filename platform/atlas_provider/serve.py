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
import traceback
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from atlas.errors import AtlasError
from atlas_provider.kind import PartialFailureError
from atlas_provider.values import to_values

if TYPE_CHECKING:
    from atlas_provider.provider import AtlasProvider

_WATCH_SECONDS = 0.2


def _explained(name: str) -> Any:
    """Wrap a method of the servicer so that its errors reach the engine as their own words."""
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


def _partial_status(error: PartialFailureError) -> Any:
    """Return the status by which the engine keeps the state of what was done."""
    from pulumi.provider.experimental.property_value import PropertyValue

    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=PropertyValue.marshal_map(to_values(error.state, error.like)),
            inputs=PropertyValue.marshal_map(to_values(error.inputs, error.like)),
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
    """Serve until the process that started this one is gone, and leave all as it is then.

    An engine that asks for an early end says so before (`cancel`). One that was killed is followed
    at once: the next has perhaps started, and what was tidied up now would be taken from it.
    """
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await _parent_gone(os.getppid())


async def _parent_gone(parent: int, seconds: float = _WATCH_SECONDS) -> None:
    """Wait until this process has another parent than it was started by."""
    while os.getppid() == parent:
        await asyncio.sleep(seconds)
