"""The provider's resources as typed classes, for Pulumi programs; none of their handlers.

Every text may be an output of another resource. What is wrong with an input is told before anything
is changed; what fails later is told member by member, and what was done until then is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_provider.local_resources import Database, Ports, Process
from atlas_provider.resource import AtlasResource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi


__all__ = [
    "AirflowDags",
    "Database",
    "KubeflowPipelines",
    "Ports",
    "Process",
    "RegisteredModels",
    "StepImages",
]


class KubeflowPipelines(AtlasResource):
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
        """Deploy compiled packages.

        Args:
            name: the resource's name.
            owner: the stack that the names belong to, and what of it: ``tumour.dev/training``;
                another one makes a new resource.
            members: digest (sha256) of each package, by deployed name; its content is in the store
                under that digest (`atlas.kinds.content.put`).
            plans: digest of each member's Plan, by the same names.
            store: URL of the artifact store.
            schedules: when members run, such as ``0 6 * * * from 2026-01-01``; in UTC.
            kubeflow: URL of the API server; without one, the store keeps the versions.
            namespace: whose pipelines, on a Kubeflow of several users.
            secrets: URL of the folder of secrets.
            credentials: name of the secret whose password is the bearer token.
            opts: Pulumi's options.

        The update fails when the store lacks a content, a name belongs to another stack, or the API
        server doesn't answer or refuses. A version is never changed: an update adds one, and
        deleting leaves those that a run was made by.
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


class AirflowDags(AtlasResource):
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
        """Deploy DAG files, and wait until Airflow reports each with its Plan's digest.

        Args:
            name: the resource's name.
            owner: the stack that the names belong to, and what of it: ``tumour.dev/inference``;
                another one makes a new resource.
            members: digest (sha256) of each file, by DAG id; its content is in the store under that
                digest (`atlas.kinds.content.put`), and carries the tag ``plan:DIGEST``.
            plans: digest of each member's Plan, by the same names.
            store: URL of the artifact store.
            dags: URL of the folder that Airflow reads, ``file:///…``.
            airflow: URL of Airflow's API server.
            secrets: URL of the folder of secrets, ``file:///…``.
            credentials: name of the secret in it to sign in with.
            opts: Pulumi's options; `custom_timeouts` says how long to wait for Airflow, by default
                two minutes and half a second a member.

        The update fails for each member that Airflow can't import or doesn't report, in Airflow's
        own words; those have their old file again, the others are deployed. It fails as a whole
        when a name belongs to another stack, the store lacks a content or Airflow doesn't answer.
        Deleting waits a minute for runs that are under way.
        """
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


class RegisteredModels(AtlasResource):
    """Names of models in MLflow; deleting them keeps models and versions."""

    def __init__(
        self,
        name: str,
        *,
        owner: pulumi.Input[str],
        members: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        mlflow: pulumi.Input[str],
        secrets: pulumi.Input[str] | None = None,
        credentials: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register models by name; one that is there already is taken over with its versions.

        Args:
            name: the resource's name.
            owner: the stack that they are of, and what of it: ``tumour.dev/models``; another one
                makes a new resource.
            members: what each model is, a sentence, by registered name.
            mlflow: URL of MLflow.
            secrets: URL of the folder of secrets.
            credentials: name of the secret in it to sign in with; without one, MLflow is open.
            opts: Pulumi's options.

        The update fails when MLflow doesn't answer or refuses a name.
        """
        inputs = {
            "owner": owner,
            "members": members,
            "mlflow": mlflow,
            "secrets": secrets,
            "credentials": credentials,
        }
        super().__init__("RegisteredModels", name, inputs, [], opts)


class StepImages(AtlasResource):
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
