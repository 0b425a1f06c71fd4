"""The adapter between Pulumi's provider protocol and the kinds; no other module speaks both."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from pulumi.provider.experimental import provider as pulumi_provider
from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    GetSchemaRequest,
    GetSchemaResponse,
    PropertyDiff,
    PropertyDiffKind,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from atlas.errors import DeployError, PartialFailureError
from atlas.kinds.parsing import UNKNOWN
from atlas.kinds.protocol import OperationContext
from atlas_provider.schema import package_schema
from atlas_provider.templates import REDACTED
from atlas_provider.values import hidden_texts, to_plain, to_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi.provider.experimental.property_value import PropertyValue

    from atlas.kinds.handler import Diff
    from atlas.kinds.properties import Plain
    from atlas_provider.kinds import AnyHandler

_T = TypeVar("_T")
_WORKERS = 32
_DIFF_KINDS = {
    "add": PropertyDiffKind.ADD,
    "update": PropertyDiffKind.UPDATE,
    "delete": PropertyDiffKind.DELETE,
    "replace": PropertyDiffKind.UPDATE_REPLACE,
}


class AtlasProvider(pulumi_provider.Provider):
    """Serve the kinds of a table; every operation runs in a thread of its own."""

    def __init__(self, kinds: Mapping[str, AnyHandler], version: str) -> None:
        """Keep the kinds by their type tokens (``atlas:index:Process``)."""
        self._kinds = kinds
        self._version = version
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="atlas")
        self._cancelled = threading.Event()

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take secrets as such, to keep them out of messages; take part in previews."""
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        """Return the package's schema."""
        return GetSchemaResponse(schema=package_schema(self._kinds, self._version))

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Hold inputs to the kind's schema, then to the kind's own rules."""
        kind, inputs = self._kind(_type_of(request.urn)), to_plain(request.new_inputs)
        failures = await self._run(request.new_inputs, kind.check, inputs)
        secrets = hidden_texts(request.new_inputs)
        answer = [
            CheckFailure(failure.property, _without(failure.reason, secrets))
            for failure in failures
        ]
        return CheckResponse(inputs=request.new_inputs, failures=answer)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare state and inputs, property by property."""
        kind = self._kind(_type_of(request.urn))
        state, inputs = to_plain(request.old_state), to_plain(request.new_inputs)
        inputs |= {name: state[name] for name in request.ignore_changes if name in state}
        diff = await self._run(request.new_inputs, kind.diff, state, inputs)
        return _diff_response(diff, kind.schema.inputs)

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Make a resource, or in a preview return what is known of it."""
        kind, inputs = self._kind(_type_of(request.urn)), to_plain(request.properties)
        given = request.properties
        if request.preview:
            return CreateResponse("", to_values(_previewed(kind, None, inputs), given))
        context = self._context(request.name, request.timeout)
        identity, outputs = await self._run(given, kind.create, inputs, context)
        return CreateResponse(identity, to_values({**inputs, **outputs}, given))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """Return what is really there; no id when nothing is."""
        kind = self._kind(_type_of(request.urn))
        known = {**request.inputs, **request.properties}
        state, context = to_plain(known), self._context(_name_of(request.urn), 0)
        live = await self._run(known, kind.read, request.resource_id, state, context)
        if live is None:
            return ReadResponse("")
        identity = live.identity or request.resource_id
        read = to_values(live.state, known, live.secrets)
        return ReadResponse(identity, read, to_values(live.inputs, known, live.secrets))

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Change a resource, or in a preview return what is known of it afterwards."""
        kind = self._kind(_type_of(request.urn))
        state, inputs = to_plain(request.olds), to_plain(request.news)
        inputs |= {name: state[name] for name in request.ignore_changes if name in state}
        given = {**request.olds, **request.news}
        if request.preview:
            return UpdateResponse(to_values(_previewed(kind, state, inputs), given))
        context = self._context(request.name, request.timeout)
        outputs = await self._run(given, kind.update, request.resource_id, state, inputs, context)
        return UpdateResponse(to_values({**inputs, **outputs}, given))

    async def delete(self, request: DeleteRequest) -> None:
        """Remove a resource."""
        context = self._context(request.name, request.timeout)
        given, kind = request.properties, self._kind(_type_of(request.urn))
        await self._run(given, kind.delete, request.resource_id, to_plain(given), context)

    async def cancel(self) -> None:
        """Ask every operation under way to end early and leave nothing half-made."""
        self.end_early()

    def end_early(self) -> None:
        """Ask for the same from another thread."""
        self._cancelled.set()

    def _kind(self, token: str) -> AnyHandler:
        """Return the kind of a type token."""
        try:
            return self._kinds[token]
        except KeyError:
            known = ", ".join(sorted(self._kinds))
            message = (
                f"no resource type '{token}' in this version of Atlas; expected one of {known}"
            )
            raise DeployError(message) from None

    def _context(self, name: str, timeout: float) -> OperationContext:
        """Return what an operation needs to know beside the resource."""
        return OperationContext(name, timeout, self._cancelled)

    async def _run(
        self, given: Mapping[str, PropertyValue], function: Callable[..., _T], *args: Any
    ) -> _T:
        """Run a kind's operation in a thread, so that resources are handled concurrently.

        Secrets that were given don't come out of it in an error.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        except Exception as error:
            _hide(error, hidden_texts(given))
            if isinstance(error, PartialFailureError):
                error.like = given
            raise


def _hide(error: Exception, secrets: set[str]) -> None:
    """Take secrets out of an error's message."""
    error.args = tuple(_without(part, secrets) for part in error.args)
    if isinstance(error, PartialFailureError):
        error.reasons = tuple(_without(reason, secrets) for reason in error.reasons)


def _without(message: Any, secrets: set[str]) -> Any:
    """Return a message without secrets; the longest first, for one may be part of another."""
    if not isinstance(message, str):
        return message
    for secret in sorted(secrets, key=len, reverse=True):
        message = message.replace(secret, REDACTED)
    return message


def _previewed(kind: AnyHandler, state: Plain | None, inputs: Plain) -> Plain:
    """Return the state after a create or update, with outputs that aren't known yet as unknown."""
    unknown = dict.fromkeys(kind.schema.outputs, UNKNOWN)
    return {**inputs, **unknown, **kind.preview(state, inputs)}


def _diff_response(diff: Diff, inputs: Mapping[str, Any]) -> DiffResponse:
    """Return a diff in Pulumi's words; changes of outputs aren't input diffs."""
    roots = {path: path.split("[")[0].split(".")[0] for path in diff.changes}
    replaced = [roots[path] for path, change in diff.changes.items() if change == "replace"]
    return DiffResponse(
        changes=bool(diff.changes),
        replaces=sorted(set(replaced)),
        delete_before_replace=True,
        diffs=sorted(set(roots.values())),
        detailed_diff={
            path: PropertyDiff(_DIFF_KINDS[change], input_diff=roots[path] in inputs)
            for path, change in diff.changes.items()
        },
    )


def _type_of(urn: str) -> str:
    """Return the type token in a URN, without the types of its parents."""
    return urn.split("::")[-2].rsplit("$", maxsplit=1)[-1]


def _name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.rsplit("::", maxsplit=1)[-1]
