"""The resources of a platform on one machine, as typed classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_provider.resource import AtlasResource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi


class Ports(AtlasResource):
    """Free loopback ports under names, chosen at create and kept ever after.

    Attributes:
        ports: port by name.
    """

    ports: pulumi.Output[Mapping[str, int]]

    def __init__(
        self,
        name: str,
        *,
        names: pulumi.Input[Sequence[pulumi.Input[str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Choose a free port for each name.

        Args:
            name: the resource's name.
            names: a name for each port, none twice.
            opts: Pulumi's options.
        """
        super().__init__("Ports", name, {"names": names}, ["ports"], opts)


class Process(AtlasResource):
    """A supervised process on this machine, created when its own health check says it is well.

    Texts may hold placeholders that are filled in at create: ``{dir}`` (the process's folder),
    ``{folder}`` (the platform's), ``{port:NAME}``, ``{secret:NAME}``, ``{secret:NAME.username}``,
    ``{secret:NAME.bcrypt}``.

    Attributes:
        directory: the process's folder.
        bound: port by name, as chosen and kept.
        state: ``running`` or ``stopped``.
        content: digest of its command, variables and files.
    """

    directory: pulumi.Output[str]
    bound: pulumi.Output[Mapping[str, int]]
    state: pulumi.Output[str]
    content: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        folder: pulumi.Input[str],
        command: pulumi.Input[Sequence[pulumi.Input[str]]],
        vault: pulumi.Input[str] | None = None,
        environment: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        ports: pulumi.Input[Mapping[str, pulumi.Input[int]]] | None = None,
        health: pulumi.Input[str] | None = None,
        health_credentials: pulumi.Input[str] | None = None,
        health_expect: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        health_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        health_timeout: pulumi.Input[float] | None = None,
        stop_signal: pulumi.Input[str] | None = None,
        stop_grace: pulumi.Input[float] | None = None,
        stop_after: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Start a process under supervision and wait until it is well.

        Args:
            name: the process's name, unique in the platform.
            folder: the platform's folder, absolute; the process gets a folder below it.
            command: the program and its arguments.
            vault: the folder of the secrets; by default ``secrets``, two folders above `folder`.
            environment: variables beside the few that every process gets.
            files: text by path, written (0600) into the process's folder.
            ports: port by name; 0 for a free one that is then kept.
            health: ``http://…``, which has to answer 200, or ``tcp://host:port``.
            health_credentials: name of the secret that `health` is asked with, by HTTP's basic
                authentication; without one, it is open.
            health_expect: values by dotted path in the JSON that `health` answers; ``fresh``
                stands for a moment after the start.
            health_command: a command that exits 0 when the process is well.
            health_timeout: seconds until it has to be well; 120 by default.
            stop_signal: the signal that asks it to end; TERM by default.
            stop_grace: seconds until it is killed; 10 by default.
            stop_after: processes of the platform whose end it waits for before it is removed:
                those that report to it when they are stopped.
            opts: Pulumi's options.

        The update fails when a port is in use, or when the process ends or isn't well in time, with
        the last lines that it printed; of a new process nothing is left then.
        """
        inputs = {
            "name": name,
            "folder": folder,
            "command": command,
            "vault": vault,
            "environment": environment,
            "files": files,
            "ports": ports,
            "health": health,
            "healthCredentials": health_credentials,
            "healthExpect": health_expect,
            "healthCommand": health_command,
            "healthTimeout": health_timeout,
            "stopSignal": stop_signal,
            "stopGrace": stop_grace,
            "stopAfter": stop_after,
        }
        super().__init__("Process", name, inputs, ["directory", "bound", "state", "content"], opts)


class Database(AtlasResource):
    """A SQLite database, brought to its schema by a command that works on a copy of it.

    Texts may hold the placeholders of `Process`, except those of ports.

    Attributes:
        directory: the database's folder.
        state: ``ready`` or ``missing``.
        content: digest of the command, its variables and files.
        generation: how often it was migrated; what uses it should start anew with another.
    """

    directory: pulumi.Output[str]
    state: pulumi.Output[str]
    content: pulumi.Output[str]
    generation: pulumi.Output[int]

    def __init__(
        self,
        name: str,
        *,
        folder: pulumi.Input[str],
        command: pulumi.Input[Sequence[pulumi.Input[str]]],
        file: pulumi.Input[str],
        program: pulumi.Input[str] | None = None,
        users: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        vault: pulumi.Input[str] | None = None,
        environment: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make or migrate a database.

        Args:
            name: the resource's name.
            folder: the platform's folder, absolute; the database gets a folder below it.
            command: makes or migrates ``<file>.draft`` in that folder; it has to bear being run
                twice.
            file: the database, below that folder; the draft replaces it.
            program: the folder's name, unique in the platform; by default `name`.
            users: names of the processes that use it, and are stopped meanwhile.
            vault: the folder of the secrets; by default ``secrets``, two folders above `folder`.
            environment: variables beside the few that every program gets.
            files: text by path, written (0600) into the database's folder.
            timeout: seconds that the command may take; 300 by default.
            opts: Pulumi's options.

        The update fails when the command does, or takes too long, with the last lines that it
        printed; the database is what it was then.
        """
        inputs = {
            "name": program or name,
            "folder": folder,
            "command": command,
            "file": file,
            "users": users,
            "vault": vault,
            "environment": environment,
            "files": files,
            "timeout": timeout,
        }
        outputs = ["directory", "state", "content", "generation"]
        super().__init__("Database", name, inputs, outputs, opts)
