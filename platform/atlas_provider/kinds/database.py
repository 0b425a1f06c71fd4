"""The kind `Database`: a SQLite database, brought to its schema by a command.

Migrations on SQLite aren't transactions: one that is killed half-way leaves what neither the old
nor the new program can use. So the command works on a copy, which replaces the database only when
the command has succeeded, while the programs that use the database are stopped.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from atlas import files
from atlas.errors import PlatformError
from atlas.kinds.parsing import Failure, parse_state
from atlas.kinds.properties import properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas_provider import database_templates, program, running
from atlas_provider.kinds import programs
from atlas_provider.kinds.programs import Content, Directory, ProgramInputs
from atlas_provider.program import PlatformProgram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.kinds.protocol import Change, OperationContext

READY, MISSING = "ready", "missing"
DRAFT = ".draft"
_SECONDS = 300.0
_USER_SECONDS = 20.0
# Written last: a migration that was killed has none, and runs again.
_MARKER = "migrated"
_BESIDE = ("", "-wal", "-shm", "-journal")


@properties
class DatabaseInputs(ProgramInputs):
    """A SQLite database, brought to its schema by a command that works on a copy of it.

    Texts may hold the placeholders of `Process`, except those of ports.

    The update fails when the command does, or takes too long, with the last lines that it printed;
    the database is what it was then. Deleting keeps the database.
    """

    file: Annotated[
        str,
        "The database, below its folder; the command makes or migrates `<file>.draft`, which then "
        "replaces it, and may be run twice.",
    ]
    users: Annotated[
        tuple[str, ...] | None,
        "Names of the processes that use it, and are stopped meanwhile.",
    ] = None
    timeout: Annotated[float | None, "Seconds that the command may take; 300 by default."] = None


@properties
class DatabaseOutputs:
    """What is known of a database once it was migrated."""

    directory: Directory
    content: Content
    state: Annotated[str, "`ready` or `missing`."]
    generation: Annotated[
        int, "How often it was migrated; what uses it should restart when it changes."
    ]


_State = State[DatabaseInputs, DatabaseOutputs]


class DatabaseKind(Kind[DatabaseInputs, DatabaseOutputs]):
    """Handle SQLite databases in a platform folder."""

    inputs = DatabaseInputs
    outputs = DatabaseOutputs

    def check(self, inputs: DatabaseInputs) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return programs.failures(inputs)

    def drift(self, state: _State, inputs: DatabaseInputs | None) -> Mapping[str, Change]:
        """Return whether the database is missing, or the command's files were changed."""
        if state.outputs.state != READY:
            return {"state": "update"}
        if inputs != state.inputs or not inputs:
            return {}
        return {} if _content(inputs) == state.outputs.content else {"content": "update"}

    def preview(self, state: _State | None, inputs: DatabaseInputs | None) -> dict[str, Any]:
        """Return what is known: the folder, the content and the number of the next migration."""
        if inputs is None:
            return {"state": READY}
        known = {
            "state": READY,
            "directory": str(PlatformProgram.of(inputs).directory),
            "generation": _next_generation(state),
        }
        content = _content(inputs)
        return {**known, "content": content} if content else known

    def create(
        self, inputs: DatabaseInputs, context: OperationContext
    ) -> tuple[str, DatabaseOutputs]:
        """Make the database; one that is there already is migrated."""
        return str(PlatformProgram.of(inputs).directory), _migrate(inputs, None, context)

    def read(self, identity: str, state: _State, context: OperationContext) -> _State:
        """Return whether the database is there, and the digest of the command's files."""
        outputs = _read(identity, state.inputs, state.outputs.generation)
        return State(state.inputs, outputs)

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[DatabaseInputs, DatabaseOutputs]:
        """Return the database of a folder, with the inputs that it was made with.

        Raises:
            DeployError: it isn't a database's folder.
        """
        inputs = parse_state(DatabaseInputs, program.given(Path(identity))[0])
        return FoundResource("", State(inputs, _read(identity, inputs, 1)), programs.SECRETIVE)

    def update(
        self, identity: str, state: _State, inputs: DatabaseInputs, context: OperationContext
    ) -> DatabaseOutputs:
        """Migrate the database."""
        return _migrate(inputs, state, context)

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Remove the command's files, and keep the database."""
        _forget(Path(identity))


def _content(inputs: DatabaseInputs) -> str:
    """Return the digest that the command's files should have."""
    return programs.expected_content(PlatformProgram.of(inputs), {})


def _read(identity: str, inputs: DatabaseInputs, generation: int) -> DatabaseOutputs:
    """Return what is there of a database, by its folder."""
    directory = Path(identity)
    is_ready = (directory / _MARKER).exists() and (directory / inputs.file).exists()
    return DatabaseOutputs(
        directory=identity,
        content=program.written_digest(directory),
        state=READY if is_ready else MISSING,
        generation=generation,
    )


def _next_generation(state: _State | None) -> int:
    """Return the number of the next migration."""
    return (state.outputs.generation if state else 0) + 1


def _migrate(
    inputs: DatabaseInputs, state: _State | None, context: OperationContext
) -> DatabaseOutputs:
    """Run a database's command on a copy, and put the copy in its place; return the outputs."""
    desired = PlatformProgram.of(inputs)
    database = desired.directory / inputs.file
    draft = database.with_name(database.name + DRAFT)
    _forget(desired.directory)
    for user in inputs.users or ():
        running.stop(desired.folder / user, _USER_SECONDS)
    _remove_database(draft)
    is_new = not database.exists()
    _copy(database, draft)
    if is_new and database_templates.take(desired, draft):
        content = running.prepare(desired)
    else:
        usual = _SECONDS if inputs.timeout is None else inputs.timeout
        content = running.run(desired, context.timeout or usual, context.cancelled)
    _settle(draft)
    if is_new:
        database_templates.keep(desired, draft)
    draft.replace(database)
    files.write(desired.directory / _MARKER, content + "\n")
    return DatabaseOutputs(
        directory=str(desired.directory),
        content=content,
        state=READY,
        generation=_next_generation(state),
    )


def _copy(database: Path, draft: Path) -> None:
    """Copy a database that is there, whole, whatever state its last user left it in.

    Raises:
        PlatformError: if the file holds no SQLite database.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(draft)) as new:
            old.backup(new)
    except sqlite3.DatabaseError as error:
        raise PlatformError(
            f"{database}: no SQLite database can be read ({error}); restore it from a copy, or "
            "remove it to start with an empty one"
        ) from None


def _settle(draft: Path) -> None:
    """Bring everything of a database into its one file.

    Raises:
        PlatformError: if the command didn't make it.
    """
    if not draft.exists():
        raise PlatformError(f"{draft}: the command ended well and made no such database")
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _remove_database(path: Path) -> None:
    """Remove a database with the files that SQLite keeps beside it."""
    for suffix in _BESIDE:
        files.remove(path.with_name(path.name + suffix))


def _forget(directory: Path) -> None:
    """Remove the marker and the files that the command was given."""
    files.remove(directory / _MARKER)
    program.remove(directory)
