"""The kind `Process`: a supervised process on this machine, with files, ports and health.

Created only when its own health check says that it is well. A dead process is drift; an update
brings it back on the ports it had. Deleted with everything that it started.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.kinds.protocol import Diff, Failure, Live, Property, Schema, compare, has_unknown
from atlas_provider import program, running
from atlas_provider.kinds import programs
from atlas_provider.program import Program
from atlas_provider.running import Manner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.protocol import Context, Plain

RUNNING, STOPPED = "running", "stopped"
_OTHERS_SECONDS = 15.0
_SECRET = re.compile(r"[a-z0-9-]+")
_SIGNALS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL")
_MANNER = {
    "health": "health",
    "healthCredentials": "health_credentials",
    "healthCommand": "health_command",
    "healthExpect": "health_expect",
    "healthTimeout": "seconds",
    "stopSignal": "stop_signal",
    "stopGrace": "grace",
}


class Process:
    """Handle processes of a platform folder through its supervisor."""

    schema = Schema(
        description="A supervised process on this machine, with files, ports and health.",
        inputs={
            **programs.INPUTS,
            "ports": Property(
                type="integer{}", description="Port by name; 0 for a free one that is then kept."
            ),
            "health": Property(
                type="string",
                description="`http://…`, which has to answer 200, or `tcp://host:port`.",
            ),
            "healthCredentials": Property(
                type="string",
                description="Name of the secret that `health` is asked with, by HTTP's basic "
                "authentication; without one, it is open.",
            ),
            "healthExpect": Property(
                type="string{}",
                description="Values by dotted path in the JSON that `health` answers; `fresh` "
                "stands for a moment after the start.",
            ),
            "healthCommand": Property(
                type="string[]", description="A command that exits 0 when the process is well."
            ),
            "healthTimeout": Property(
                type="number", description="Seconds until it has to be well; 120 by default."
            ),
            "stopSignal": Property(
                type="string", description="The signal that asks it to end; TERM by default."
            ),
            "stopGrace": Property(
                type="number", description="Seconds until it is killed; 10 by default."
            ),
            "stopAfter": Property(
                type="string[]",
                description="Processes of the platform whose end its removal waits for.",
            ),
        },
        outputs={
            **programs.OUTPUTS,
            "bound": Property(
                type="integer{}", required=True, description="Port by name, as chosen and kept."
            ),
            "state": Property(type="string", required=True, description="`running` or `stopped`."),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [] if has_unknown(inputs) else _failures(inputs)

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs; a process that died or whose files were changed differs too."""
        changes = compare(self.schema, state, inputs)
        if state.get("state") != RUNNING:
            changes["state"] = "update"
        if not changes and _content(state, inputs) != state.get("content"):
            changes["content"] = "update"
        return Diff(changes)

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say what is known: the folder, that it will run, and ports that are kept."""
        if has_unknown(inputs):
            return {"state": RUNNING}
        known = {"state": RUNNING, "directory": str(Program.of(inputs).directory)}
        kept, wanted = (state or {}).get("bound", {}), inputs.get("ports", {})
        if state and all(_keeps(kept, *port) for port in wanted.items()):
            bound = {name: kept[name] for name in wanted}
            return {**known, "bound": bound, "content": _content(state, inputs)}
        return known

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Start the process on new ports; what an interrupted create left is removed first."""
        directory = Program.of(inputs).directory
        running.remove(directory, _manner(inputs).grace)
        return str(directory), _start(inputs, {}, context)

    def read(self, identity: str, state: Plain, context: Context) -> Live:
        """Tell whether the process runs, listens, and has the files that it was given."""
        if not state:
            return self._import(identity, context)
        directory = Path(identity)
        found = {
            **state,
            "directory": identity,
            "state": RUNNING if running.runs(directory, state.get("bound", {})) else STOPPED,
            "content": program.written_digest(directory),
        }
        return Live({name: state[name] for name in self.schema.inputs if name in state}, found)

    def _import(self, identity: str, context: Context) -> Live:
        """Return the process of a folder, with the inputs that it was made with.

        Raises:
            DeployError: it is no process's folder.
        """
        inputs, ports = program.given(Path(identity))
        live = self.read(identity, {**inputs, "bound": ports}, context)
        return replace(live, secrets=programs.SECRETIVE)

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Restart the process with the inputs, on the ports that it had."""
        running.stop(Path(identity), _manner(state).grace)
        return _start(inputs, state.get("bound", {}), context)

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Stop the process with all that it started, and remove its files but not its data."""
        running.await_ends(Path(identity).parent, state.get("stopAfter", ()), _OTHERS_SECONDS)
        running.remove(Path(identity), _manner(state).grace)


def _failures(inputs: Plain) -> list[Failure]:
    """Return what is wrong with inputs that are all known."""
    asking = [inputs.get("health", ""), *inputs.get("healthCommand", ())]
    found = programs.failures(inputs, asking)
    if not _SECRET.fullmatch(inputs.get("healthCredentials", "secret")):
        reason = f"found '{inputs['healthCredentials']}'; expected the name of a secret"
        found.append(Failure("healthCredentials", reason))
    if inputs.get("stopSignal", "TERM") not in _SIGNALS:
        reason = f"found '{inputs['stopSignal']}'; expected one of {', '.join(_SIGNALS)}"
        found.append(Failure("stopSignal", reason))
    if not inputs.get("health", "http://").startswith(("http://", "tcp://")):
        reason = f"found '{inputs['health']}'; expected http://… or tcp://…"
        found.append(Failure("health", reason))
    return found


def _keeps(kept: Mapping[str, int], name: str, wanted: int) -> bool:
    """Tell whether a port that a process has is the one that is wanted."""
    return name in kept and wanted in (0, kept[name])


def _content(state: Plain, inputs: Plain) -> str:
    """Return the digest that the process's files should have on the ports that it has."""
    return programs.expected_content(inputs, state.get("bound", {}))


def _manner(inputs: Plain) -> Manner:
    """Return how a process is started and stopped."""
    return Manner(**{field: inputs[name] for name, field in _MANNER.items() if name in inputs})


def _start(inputs: Plain, kept: Mapping[str, int], context: Context) -> Plain:
    """Start a process, wait until it is well, and return the outputs."""
    wanted, manner = Program.of(inputs), _manner(inputs)
    if context.timeout:
        manner = replace(manner, seconds=context.timeout)
    started = running.start(wanted, manner, kept, context.cancelled)
    return {
        "directory": str(wanted.directory),
        "bound": dict(started.ports),
        "state": RUNNING,
        "content": started.content,
    }
