"""The kind `Database`: a SQLite database, brought to its schema by a command.

Migrations on SQLite are no transactions: one that is killed half-way leaves what neither the old
nor the new program can use. So the command works on a copy, which replaces the database only when
the command has succeeded, while the programs that use the database are stopped.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas.errors import PlatformError
from atlas.kinds.protocol import Diff, Failure, Live, Property, Schema, compare, has_unknown
from atlas_provider import program, running
from atlas_provider.kinds import programs
from atlas_provider.program import Program

if TYPE_CHECKING:
    from atlas.kinds.protocol import Context, Plain

READY, MISSING = "ready", "missing"
DRAFT = ".draft"
_SECONDS = 300.0
_USER_SECONDS = 20.0
# Written last: a migration that was killed has none, and runs again.
_MARKER = "migrated"
_BESIDE = ("", "-wal", "-shm", "-journal")


class Database:
    """Handle SQLite databases in a platform folder."""

    schema = Schema(
        description="A SQLite database, brought to its schema by a command.",
        inputs={
            **programs.INPUTS,
            "file": Property(
                type="string",
                required=True,
                description="The database, below its folder; the command makes or migrates "
                "`<file>.draft`, which then replaces it.",
            ),
            "users": Property(
                type="string[]",
                description="Names of the processes that use it, and are stopped meanwhile.",
            ),
            "timeout": Property(
                type="number", description="Seconds that the command may take; 300 by default."
            ),
        },
        outputs={
            **programs.OUTPUTS,
            "state": Property(type="string", required=True, description="`ready` or `missing`."),
            "generation": Property(
                type="integer",
                required=True,
                description="How often it was migrated; what uses it starts anew with another.",
            ),
        },
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Return what is wrong with the inputs."""
        return [] if has_unknown(inputs) else programs.failures(inputs)

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs; a database that is gone, and files that were changed, differ too."""
        changes = compare(self.schema, state, inputs)
        if state.get("state") != READY:
            changes["state"] = "update"
        if not changes and programs.expected_content(inputs, {}) != state.get("content"):
            changes["content"] = "update"
        return Diff(changes)

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say what is known: the folder, the content and how often it will have been migrated."""
        if has_unknown(inputs):
            return {"state": READY}
        known: Plain = {
            "state": READY,
            "directory": str(Program.of(inputs).directory),
            "generation": _next_generation(state or {}),
        }
        content = programs.expected_content(inputs, {})
        return {**known, "content": content} if content else known

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Make the database; one that is there already is migrated."""
        return str(Program.of(inputs).directory), _migrate(inputs, {}, context)

    def read(self, identity: str, state: Plain, context: Context) -> Live:
        """Tell whether the database is there, and the files that its command was given."""
        if not state:
            return self._import(identity, context)
        directory = Path(identity)
        is_ready = (directory / _MARKER).exists() and (directory / state["file"]).exists()
        found = {
            **state,
            "directory": identity,
            "state": READY if is_ready else MISSING,
            "content": program.written_digest(directory),
        }
        return Live({name: state[name] for name in self.schema.inputs if name in state}, found)

    def _import(self, identity: str, context: Context) -> Live:
        """Return the database of a folder, with the inputs that it was made with.

        Raises:
            DeployError: it is no database's folder.
        """
        inputs, _ = program.given(Path(identity))
        live = self.read(identity, {**inputs, "generation": 1}, context)
        return replace(live, secrets=programs.SECRETIVE)

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Migrate the database."""
        return _migrate(inputs, state, context)

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Remove the command's files, and keep the database."""
        _forget(Path(identity))


def _next_generation(state: Plain) -> int:
    """Return the number of the next migration."""
    return int(state.get("generation", 0)) + 1


def _migrate(inputs: Plain, state: Plain, context: Context) -> Plain:
    """Run a database's command on a copy, and put the copy in its place; return the outputs."""
    wanted = Program.of(inputs)
    database = wanted.directory / inputs["file"]
    draft = database.with_name(database.name + DRAFT)
    _forget(wanted.directory)
    for user in inputs.get("users", ()):
        running.stop(wanted.folder / user, _USER_SECONDS)
    _remove_database(draft)
    _copy(database, draft)
    seconds = context.timeout or float(inputs.get("timeout", _SECONDS))
    content = running.run(wanted, seconds, context.cancelled)
    _settle(draft)
    draft.replace(database)
    files.write(wanted.directory / _MARKER, content + "\n")
    return {
        "directory": str(wanted.directory),
        "state": READY,
        "content": content,
        "generation": _next_generation(state),
    }


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
    """Have everything of a database in its one file.

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
