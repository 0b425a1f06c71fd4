"""The kind `Process`: a supervised process on this machine, with files, ports and health.

Created only when its own health check says that it is well. A dead process is drift; an update
brings it back on the ports it had. Deleted with everything that it started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from atlas.kinds.parsing import Failure, parse_state
from atlas.kinds.properties import properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas_provider import program, running
from atlas_provider.kinds import programs
from atlas_provider.kinds.programs import Content, Directory, ProgramInputs
from atlas_provider.program import PlatformProgram
from atlas_provider.running import Options

if TYPE_CHECKING:
    from atlas.kinds.protocol import Change, OperationContext

RUNNING, STOPPED = "running", "stopped"
_OTHERS_SECONDS = 15.0
_SECRET = re.compile(r"[a-z0-9-]+")
_SIGNALS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL")


@properties
class ProcessInputs(ProgramInputs):
    """A supervised process on this machine, created when its own health check says it is well.

    Texts may hold placeholders that are filled in at create: `{dir}` (the process's folder),
    `{folder}` (the platform's), `{port:NAME}`, `{secret:NAME}`, `{secret:NAME.username}`,
    `{secret:NAME.htpasswd}`, `{secret:NAME.bcrypt}` and `{secret:NAME.basic}`.

    The update fails when a port is in use, or when the process ends or isn't well in time, with the
    last lines that it printed; of a new process nothing is left then.
    """

    ports: Annotated[
        Mapping[str, int] | None, "Port by name; 0 for a free one that is then kept."
    ] = None
    health: Annotated[str | None, "`http://…`, which has to answer 200, or `tcp://host:port`."] = (
        None
    )
    health_credentials: Annotated[
        str | None,
        "Name of the secret that `health` is requested with, by HTTP's basic authentication; "
        "without one, no authentication is used.",
    ] = None
    health_expect: Annotated[
        Mapping[str, str] | None,
        "Values by dotted path in the JSON that `health` answers; `fresh` stands for a time "
        "after the start.",
    ] = None
    health_command: Annotated[
        tuple[str, ...] | None, "A command that exits 0 when the process is well."
    ] = None
    health_timeout: Annotated[float | None, "Seconds until it has to be well; 300 by default."] = (
        None
    )
    stop_signal: Annotated[str | None, "The signal that asks it to end; TERM by default."] = None
    stop_grace: Annotated[float | None, "Seconds until it is killed; 10 by default."] = None
    stop_after: Annotated[
        tuple[str, ...] | None,
        "Processes of the platform whose end its removal waits for: those that report to it when "
        "they are stopped.",
    ] = None


@properties
class ProcessOutputs:
    """What is known of a process once it has started."""

    directory: Directory
    content: Content
    bound: Annotated[Mapping[str, int], "Port by name, as chosen and kept."]
    state: Annotated[str, "`running` or `stopped`."]


_State = State[ProcessInputs, ProcessOutputs]


class ProcessKind(Kind[ProcessInputs, ProcessOutputs]):
    """Handle processes of a platform folder through its supervisor."""

    inputs = ProcessInputs
    outputs = ProcessOutputs

    def check(self, inputs: ProcessInputs) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return _failures(inputs)

    def drift(self, state: _State, inputs: ProcessInputs | None) -> Mapping[str, Change]:
        """Return whether the process died, or its files were changed."""
        if state.outputs.state != RUNNING:
            return {"state": "update"}
        if inputs != state.inputs or not inputs:
            return {}
        same = _content(inputs, state.outputs.bound) == state.outputs.content
        return {} if same else {"content": "update"}

    def preview(self, state: _State | None, inputs: ProcessInputs | None) -> dict[str, Any]:
        """Return what is known: the folder, that it will run, and ports that are kept."""
        if inputs is None:
            return {"state": RUNNING}
        known = {"state": RUNNING, "directory": str(PlatformProgram.of(inputs).directory)}
        kept, ports = state.outputs.bound if state else {}, inputs.ports or {}
        if state and all(_keeps(kept, *port) for port in ports.items()):
            bound = {name: kept[name] for name in ports}
            return {**known, "bound": bound, "content": _content(inputs, kept)}
        return known

    def create(
        self, inputs: ProcessInputs, context: OperationContext
    ) -> tuple[str, ProcessOutputs]:
        """Start the process on new ports; what an interrupted create left is removed first."""
        directory = PlatformProgram.of(inputs).directory
        running.remove(directory, _options(inputs).grace)
        return str(directory), _start(inputs, {}, context)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State:
        """Return whether the process runs and listens, and the digest of the files it has."""
        return State(state.inputs, _read(identity, state.outputs.bound))

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[ProcessInputs, ProcessOutputs]:
        """Return the process of a folder, with the inputs that it was made with.

        Raises:
            DeployError: it isn't a process's folder.
        """
        inputs, ports = program.given(Path(identity))
        state = State(parse_state(ProcessInputs, inputs), _read(identity, ports))
        return FoundResource("", state, programs.SECRETIVE)

    def update(
        self, identity: str, state: _State, inputs: ProcessInputs, context: OperationContext
    ) -> ProcessOutputs:
        """Restart the process with the inputs, on the ports that it had."""
        running.stop(Path(identity), _options(state.inputs).grace)
        return _start(inputs, state.outputs.bound, context)

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Stop the process with all that it started, and remove its files but not its data."""
        others = state.inputs.stop_after or ()
        running.await_ends(Path(identity).parent, others, _OTHERS_SECONDS)
        running.remove(Path(identity), _options(state.inputs).grace)


def _failures(inputs: ProcessInputs) -> list[Failure]:
    """Return what is wrong with the inputs."""
    texts = [inputs.health or "", *(inputs.health_command or ())]
    failures = programs.failures(inputs, inputs.ports or {}, texts)
    if inputs.health_credentials is not None and not _SECRET.fullmatch(inputs.health_credentials):
        reason = f"found '{inputs.health_credentials}'; expected the name of a secret"
        failures.append(Failure("healthCredentials", reason))
    if inputs.stop_signal is not None and inputs.stop_signal not in _SIGNALS:
        reason = f"found '{inputs.stop_signal}'; expected one of {', '.join(_SIGNALS)}"
        failures.append(Failure("stopSignal", reason))
    if inputs.health is not None and not inputs.health.startswith(("http://", "tcp://")):
        reason = f"found '{inputs.health}'; expected http://… or tcp://…"
        failures.append(Failure("health", reason))
    return failures


def _keeps(kept: Mapping[str, int], name: str, asked: int) -> bool:
    """Tell whether a port that a process has is the one that is asked for."""
    return name in kept and asked in (0, kept[name])


def _content(inputs: ProcessInputs, bound: Mapping[str, int]) -> str:
    """Return the digest that the process's files should have on its ports."""
    return programs.expected_content(PlatformProgram.of(inputs, inputs.ports), bound)


def _read(identity: str, bound: Mapping[str, int]) -> ProcessOutputs:
    """Return what is there of a process, by its folder and the ports that it has."""
    directory = Path(identity)
    return ProcessOutputs(
        directory=identity,
        content=program.written_digest(directory),
        bound=bound,
        state=RUNNING if running.runs(directory, bound) else STOPPED,
    )


def _options(inputs: ProcessInputs) -> Options:
    """Return how a process is started and stopped."""
    usual = Options()
    return Options(
        health=inputs.health or "",
        health_credentials=inputs.health_credentials or "",
        health_command=inputs.health_command or (),
        health_expect=inputs.health_expect or {},
        seconds=_given(inputs.health_timeout, usual.seconds),
        stop_signal=inputs.stop_signal or usual.stop_signal,
        grace=_given(inputs.stop_grace, usual.grace),
    )


def _given(seconds: float | None, usual: float) -> float:
    """Return seconds that were given, which may be 0, or the usual ones."""
    return usual if seconds is None else seconds


def _start(
    inputs: ProcessInputs, kept: Mapping[str, int], context: OperationContext
) -> ProcessOutputs:
    """Start a process, wait until it is well, and return the outputs."""
    desired, options = PlatformProgram.of(inputs, inputs.ports), _options(inputs)
    if context.timeout:
        options = replace(options, seconds=context.timeout)
    started = running.start(desired, options, kept, context.cancelled)
    return ProcessOutputs(
        directory=str(desired.directory),
        content=started.content,
        bound=dict(started.ports),
        state=RUNNING,
    )
