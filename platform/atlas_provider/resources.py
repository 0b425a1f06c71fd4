"""The provider's resources as typed classes, for Pulumi programs; none of their handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _AtlasResource(pulumi.CustomResource):
    """A resource of the provider; a subclass declares its outputs as annotated attributes."""

    def __init__(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Register the resource with its inputs, and its outputs as yet unknown."""
        props = {**inputs, **dict.fromkeys(outputs)}
        super().__init__(f"atlas:index:{kind}", name, props, opts)


class Ports(_AtlasResource):
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
        """Choose a free port for each of `names`."""
        super().__init__("Ports", name, {"names": names}, ["ports"], opts)


class Process(_AtlasResource):
    """A supervised process on this machine, created when its own health check says it is well.

    Texts may hold placeholders that are filled in at create: ``{dir}`` (the process's folder),
    ``{folder}`` (the platform's), ``{port:NAME}``, ``{secret:NAME}``, ``{secret:NAME.username}``.

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
        health_expect: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        health_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        health_timeout: pulumi.Input[float] | None = None,
        stop_signal: pulumi.Input[str] | None = None,
        stop_grace: pulumi.Input[float] | None = None,
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
            health_expect: values by dotted path in the JSON that `health` answers; ``fresh``
                stands for a moment after the start.
            health_command: a command that exits 0 when the process is well.
            health_timeout: seconds until it has to be well; 120 by default.
            stop_signal: the signal that asks it to end; TERM by default.
            stop_grace: seconds until it is killed; 10 by default.
            opts: Pulumi's options.
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
            "healthExpect": health_expect,
            "healthCommand": health_command,
            "healthTimeout": health_timeout,
            "stopSignal": stop_signal,
            "stopGrace": stop_grace,
        }
        super().__init__("Process", name, inputs, ["directory", "bound", "state", "content"], opts)


class Command(_AtlasResource):
    """A program that runs to its end at create, and again when an input changes.

    Texts may hold the placeholders of `Process`, except those of ports.

    Attributes:
        directory: the program's folder.
        state: ``done`` or ``missing``.
        content: digest of its command, variables and files.
    """

    directory: pulumi.Output[str]
    state: pulumi.Output[str]
    content: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        folder: pulumi.Input[str],
        command: pulumi.Input[Sequence[pulumi.Input[str]]],
        creates: pulumi.Input[str],
        vault: pulumi.Input[str] | None = None,
        environment: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Run a program to its end.

        Args:
            name: the program's name, unique in the platform.
            folder: the platform's folder, absolute; the program gets a folder below it.
            command: the program and its arguments; it has to bear being run twice.
            creates: a path below its folder that is there when it has run.
            vault: the folder of the secrets; by default ``secrets``, two folders above `folder`.
            environment: variables beside the few that every program gets.
            files: text by path, written (0600) into the program's folder.
            timeout: seconds until it has to end; 300 by default.
            opts: Pulumi's options.
        """
        inputs = {
            "name": name,
            "folder": folder,
            "command": command,
            "creates": creates,
            "vault": vault,
            "environment": environment,
            "files": files,
            "timeout": timeout,
        }
        super().__init__("Command", name, inputs, ["directory", "state", "content"], opts)


class KubeflowPipelines(_AtlasResource):
    """Compiled Kubeflow pipelines of one Config and flow, as immutable versions in the store.

    Attributes:
        versions: where each member's version is.
    """

    versions: pulumi.Output[Mapping[str, str]]

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        plans: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        store: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Deploy the packages of `members` (digest by name), compiled from `plans`."""
        inputs = {"owner": owner, "members": members, "plans": plans, "store": store}
        super().__init__("KubeflowPipelines", name, inputs, ["versions"], opts)


class AirflowDags(_AtlasResource):
    """DAGs of one Config and flow in a running Airflow, which has reported each of them.

    Attributes:
        held: DAGs that an operator has paused.
    """

    held: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        plans: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        store: pulumi.Input[str],
        dags: pulumi.Input[str],
        airflow: pulumi.Input[str],
        secrets: pulumi.Input[str],
        credentials: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Deploy the DAG files of `members` (digest by DAG id), compiled from `plans`."""
        inputs = {
            "owner": owner,
            "members": members,
            "plans": plans,
            "store": store,
            "dags": dags,
            "airflow": airflow,
            "secrets": secrets,
            "credentials": credentials,
        }
        super().__init__("AirflowDags", name, inputs, ["held"], opts)


class RegisteredModels(_AtlasResource):
    """Names of models in MLflow; deleting them keeps models and versions."""

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        mlflow: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the names of `members`, each with what it is."""
        inputs = {"owner": owner, "members": members, "mlflow": mlflow}
        super().__init__("RegisteredModels", name, inputs, [], opts)
