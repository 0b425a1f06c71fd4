"""The kind `Command`: a program that runs to its end, such as a database's migration.

It runs at create, and again whenever an input changes or what it makes is gone; so it has to bear
being run twice. Deleting it removes its files and keeps what it made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from atlas_provider import files, program, running
from atlas_provider.kind import Diff, Failure, Live, Property, Schema, compare, has_unknown
from atlas_provider.kinds import programs
from atlas_provider.program import Program

if TYPE_CHECKING:
    from atlas_provider.kind import Context, Plain

DONE, MISSING = "done", "missing"
_SECONDS = 300.0
# Written last: a command that was killed half-way has none, and runs again.
_MARKER = "done"


class Command:
    """Handle programs that run to their end in a platform folder."""

    schema = Schema(
        description="A program that runs to its end, and again when an input changes.",
        inputs={
            **programs.INPUTS,
            "creates": Property(
                type="string",
                required=True,
                description="A path below its folder that is there when it has run.",
            ),
            "timeout": Property(
                type="number", description="Seconds until it has to end; 300 by default."
            ),
        },
        outputs={
            **programs.OUTPUTS,
            "state": Property(type="string", required=True, description="`done` or `missing`."),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [] if has_unknown(inputs) else programs.failures(inputs)

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs; what is gone, and files that were changed, differ too."""
        changes = compare(self.schema, state, inputs)
        if state.get("state") != DONE:
            changes["state"] = "update"
        if not changes and programs.expected_content(inputs, {}) != state.get("content"):
            changes["content"] = "update"
        return Diff(changes)

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say what is known: the folder, and that it will have run."""
        if has_unknown(inputs):
            return {"state": DONE}
        content = programs.expected_content(inputs, {})
        known = {"state": DONE, "directory": str(Program.of(inputs).directory)}
        return {**known, "content": content} if content else known

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Run the program."""
        return str(Program.of(inputs).directory), _run(inputs, context)

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Tell whether what the program makes is there, and the files that it was given."""
        if not state.get("name"):
            return None
        directory = Path(identity)
        is_done = (directory / _MARKER).exists() and (directory / state["creates"]).exists()
        found = {
            **state,
            "directory": identity,
            "state": DONE if is_done else MISSING,
            "content": program.written_digest(directory),
        }
        return Live({name: state[name] for name in self.schema.inputs if name in state}, found)

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Run the program again."""
        return _run(inputs, context)

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Remove the program's files, and keep what it made."""
        _forget(Path(identity))


def _run(inputs: Plain, context: Context) -> Plain:
    """Run a program to its end; return the outputs."""
    wanted = Program.of(inputs)
    _forget(wanted.directory)
    seconds = context.timeout or float(inputs.get("timeout", _SECONDS))
    content = running.run(wanted, seconds, context.cancelled)
    files.write(wanted.directory / _MARKER, content + "\n")
    return {"directory": str(wanted.directory), "state": DONE, "content": content}


def _forget(directory: Path) -> None:
    """Remove the marker and the files that the program was given."""
    files.remove(directory / _MARKER)
    program.remove(directory)
