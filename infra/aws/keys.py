"""The keys that everything is encrypted with."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import kms

from infra.aws import documents

_MONTH = 30
_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKeysArgs:
    """What the keys need.

    Attributes:
        alias: first part of the keys' names.
        partition: the partition of AWS.
        account: number of the account.
        region: the region.
        suffix: the domain of the region's services.
        protected: whether Pulumi refuses to delete the key of data.
    """

    alias: str
    partition: str
    account: str
    region: str
    suffix: str
    protected: bool


class PlatformKeys(pulumi.ComponentResource):
    """Three keys, each rotated every year.

    Attributes:
        data: ARN of the key of the bucket, the database, images, disks and secrets.
        cluster: ARN of the key of the cluster's Secrets.
        logs: ARN of the key of logs.
    """

    data: pulumi.Output[str]
    cluster: pulumi.Output[str]
    logs: pulumi.Output[str]

    def __init__(
        self, name: str, args: PlatformKeysArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the keys."""
        super().__init__("atlas:aws:Keys", name, None, opts)
        own = (args.partition, args.account)
        self.data = self._key(f"{name}-data", args, documents.data_key(*own, args.region))
        self.cluster = self._key(f"{name}-cluster", args, documents.cluster_key(*own))
        logs = documents.log_key(*own, args.region, args.suffix)
        self.logs = self._key(f"{name}-logs", args, logs)
        self.register_outputs({"data": self.data, "cluster": self.cluster, "logs": self.logs})

    def _key(self, name: str, args: PlatformKeysArgs, policy: str) -> pulumi.Output[str]:
        """Declare a key; return its ARN."""
        what = name.rpartition("-")[2]
        opts = pulumi.ResourceOptions(parent=self, protect=args.protected and what == "data")
        key = kms.Key(
            name,
            description=f"{args.alias}: {what}",
            policy=policy,
            enable_key_rotation=True,
            deletion_window_in_days=_MONTH if args.protected else _WEEK,
            opts=opts,
        )
        kms.Alias(
            name,
            name=f"alias/{args.alias}-{what}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key.arn
