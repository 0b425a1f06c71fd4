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


class Database(_AtlasResource):
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


class KubeflowPipelines(_AtlasResource):
    """Compiled Kubeflow pipelines of one Config and flow, as immutable versions.

    Attributes:
        versions: where each member's version is.
        held: members whose recurring run an operator has stopped.
    """

    versions: pulumi.Output[Mapping[str, str]]
    held: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        plans: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        store: pulumi.Input[str],
        schedules: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        kubeflow: pulumi.Input[str] | None = None,
        namespace: pulumi.Input[str] | None = None,
        secrets: pulumi.Input[str] | None = None,
        credentials: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Deploy the packages of `members` (digest by name), compiled from `plans`.

        Args:
            name: the resource's name.
            owner: the stack that the names belong to.
            members: digest of each package, by deployed name.
            plans: digest of each member's Plan.
            store: URL of the artifact store, which has the content.
            schedules: when members run, such as ``0 6 * * * from 2026-01-01``; in UTC.
            kubeflow: URL of the API server; without one, the store keeps the versions.
            namespace: whose pipelines, on a Kubeflow of several users.
            secrets: URL of the folder of secrets.
            credentials: name of the secret whose password is the bearer token.
            opts: Pulumi's options.
        """
        inputs = {
            "owner": owner,
            "members": members,
            "plans": plans,
            "store": store,
            "schedules": schedules,
            "kubeflow": kubeflow,
            "namespace": namespace,
            "secrets": secrets,
            "credentials": credentials,
        }
        super().__init__("KubeflowPipelines", name, inputs, ["versions", "held"], opts)


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


class StepImages(_AtlasResource):
    """Images of one Config's steps in a registry, each pinned by digest; deleting keeps them.

    Attributes:
        references: full reference of each image.
    """

    references: pulumi.Output[Mapping[str, str]]

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        registry: pulumi.Input[str],
        store: pulumi.Input[str],
        secrets: pulumi.Input[str] | None = None,
        credentials: pulumi.Input[str] | None = None,
        purge: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Hold the images of `members`, all of which have to be in the registry.

        Args:
            name: the resource's name.
            owner: the stack that they are held for, and what of it.
            members: repository and digest by the image's name, ``atlas/tumour/base@sha256:…``.
            registry: URL of the registry.
            store: URL of the artifact store.
            secrets: URL of the folder of secrets.
            credentials: name of the registry's secret; without one, the standard files hold.
            purge: whether deleting removes the images that no other stack holds.
            opts: Pulumi's options.
        """
        inputs = {
            "owner": owner,
            "members": members,
            "registry": registry,
            "store": store,
            "secrets": secrets,
            "credentials": credentials,
            "purge": purge,
        }
        super().__init__("StepImages", name, inputs, ["references"], opts)
