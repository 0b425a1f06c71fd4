"""The roles of the platform's pods, each with the folders of the bucket that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra.aws import documents
from infra.aws.addons import ACCOUNTS
from infra.aws.identity import ANNOTATION, PodRole, PodRoleArgs, TokenIssuer
from infra.aws.objects import AUTOSCALER, SYSTEM
from infra.kubernetes.teams import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_AIRFLOW = ("scheduler", "api-server", "dag-processor", "triggerer", "worker")
_ADDONS = {
    "vpc-cni": "AmazonEKS_CNI_Policy",
    "aws-ebs-csi-driver": "service-role/AmazonEBSCSIDriverPolicy",
}
_TEAM = (STEPS, "default", "default-editor")
"""The accounts of steps in a team's namespace; the last is that of Kubeflow's profiles."""
LOGS, MLFLOW = "airflow-logs", "mlflow"
"""The folders of the bucket beside the store and the DAGs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRolesArgs:
    """What the roles need.

    Attributes:
        cluster: name of the cluster.
        cluster_name: the same, known once it is there.
        issuer: with IRSA, the cluster's issuer; None for Pod Identity.
        bucket: ARN of the bucket.
        key: ARN of its key.
        store: the folder of artifacts.
        dags: the folder of DAGs; empty where they are in git.
        teams: the namespaces of teams.
        policies: ARN of a policy that AWS manages, by its name.
    """

    cluster: str
    cluster_name: pulumi.Input[str]
    issuer: pulumi.Output[str] | None
    bucket: pulumi.Output[str]
    key: pulumi.Output[str]
    store: str
    dags: str
    teams: Sequence[str]
    policies: Mapping[str, str]


class PlatformRoles(pulumi.ComponentResource):
    """The roles of pods.

    Attributes:
        addons: ARN of the role of an add-on.
        associations: what has to be there before the pods that have a role start.
        annotations: with IRSA, what ServiceAccounts are annotated with; by ``namespace/name``.
    """

    def __init__(
        self, name: str, args: PlatformRolesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the roles."""
        super().__init__("atlas:aws:Roles", name, None, opts)
        self._args, self._own = args, pulumi.ResourceOptions(parent=self)
        self._issuers = (
            None if args.issuer is None else TokenIssuer(f"{name}-issuer", args.issuer, self._own)
        )
        self.addons = {
            one: self._role(one, [f"{SYSTEM}/{ACCOUNTS[one]}"], managed=[args.policies[policy]]).arn
            for one, policy in _ADDONS.items()
        }
        self.associations: list[pulumi.Resource] = []
        self.annotations: dict[str, dict[str, pulumi.Input[str]]] = {}
        self._autoscaler()
        self._pods()
        self.register_outputs({})

    def _autoscaler(self) -> None:
        """Declare the role of the cluster's autoscaler."""
        accounts = [f"{SYSTEM}/{AUTOSCALER}"]
        self._give(AUTOSCALER, accounts, documents.autoscaler(self._args.cluster))

    def _pods(self) -> None:
        """Declare the roles of the platform's servers and of steps."""
        args = self._args
        read = [args.dags] if args.dags else []
        airflow = [f"airflow/airflow-{one}" for one in _AIRFLOW]
        steps = ["airflow/default", "kubeflow/pipeline-runner"]
        steps += [f"{team}/{account}" for team in args.teams for account in _TEAM]
        self._give("mlflow", ["atlas/mlflow"], self._folders([MLFLOW]))
        self._give("airflow", airflow, self._folders([args.store, LOGS], read))
        self._give("steps", steps, self._folders([args.store]))

    def _folders(self, written: list[str], read: Sequence[str] = ()) -> pulumi.Output[str]:
        """Return what a role may do in the bucket."""
        known = pulumi.Output.all(self._args.bucket, self._args.key)
        return known.apply(lambda one: documents.folders(one[0], one[1], written, read))

    def _give(self, name: str, accounts: Sequence[str], policy: pulumi.Input[str]) -> None:
        """Declare a role that some accounts have."""
        role = self._role(name, accounts, policy=policy)
        self.associations += role.associations
        if self._issuers is not None:
            self.annotations |= {one: {ANNOTATION: role.arn} for one in accounts}

    def _role(
        self,
        name: str,
        accounts: Sequence[str],
        *,
        policy: pulumi.Input[str] | None = None,
        managed: Sequence[str] = (),
    ) -> PodRole:
        """Declare a role."""
        args = PodRoleArgs(
            cluster_name=self._args.cluster_name,
            accounts=accounts,
            policy=policy,
            managed=managed,
            issuers=self._issuers,
            associated=policy is not None,
        )
        return PodRole(f"pods-{name}", args, self._own)
