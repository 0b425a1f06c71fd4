"""RDS: PostgreSQL in subnets that reach nothing, for the cluster's nodes alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import cloudwatch, ec2, rds, secretsmanager, vpc

if TYPE_CHECKING:
    from collections.abc import Sequence

USER = "postgres"
PORT = 5432
_VERSION = "17"
_LOGS = ("postgresql", "upgrade")
_RECOVERY_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RdsDatabaseArgs:
    """What a database is.

    Attributes:
        identifier: its name.
        machine: class of its machine.
        storage: GiB of its disk, at first and at most.
        standby: whether it has a standby in another zone.
        backup_days: days that its backups are kept.
        vpc_id: id of its network.
        subnet_ids: ids of its subnets.
        clients: id of the security group of who gets at it.
        password: password of `USER`, a secret.
        key: ARN of the key of its data and its password.
        log_key: ARN of the key of its logs.
        log_days: days that they are kept.
        ephemeral: whether its data is gone with it.
    """

    identifier: str
    machine: str
    storage: tuple[int, int]
    standby: bool
    backup_days: int
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    clients: pulumi.Input[str]
    password: pulumi.Output[str]
    key: pulumi.Input[str]
    log_key: pulumi.Input[str]
    log_days: int
    ephemeral: bool


class RdsDatabase(pulumi.ComponentResource):
    """A PostgreSQL server of RDS's.

    Attributes:
        host: its host.
        secret_arn: ARN of the secret that has its address and password.
    """

    host: pulumi.Output[str]
    secret_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: RdsDatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the database."""
        super().__init__("atlas:aws:Database", name, None, opts)
        self._name, self._args = name, args
        self._own = pulumi.ResourceOptions(parent=self)
        logs = self._logs()
        instance = self._instance(self._closed_group(), logs)
        self.host = instance.address
        self.secret_arn = self._secret(instance)
        self.register_outputs({"host": self.host, "secret_arn": self.secret_arn})

    def _logs(self) -> list[pulumi.Resource]:
        """Declare its log groups: made by RDS, they would be kept forever, and unencrypted."""
        return [
            cloudwatch.LogGroup(
                f"{self._name}-{one}",
                name=f"/aws/rds/instance/{self._args.identifier}/{one}",
                retention_in_days=self._args.log_days,
                kms_key_id=self._args.log_key,
                opts=self._own,
            )
            for one in _LOGS
        ]

    def _closed_group(self) -> ec2.SecurityGroup:
        """Declare who gets at it."""
        group = ec2.SecurityGroup(
            self._name,
            description="PostgreSQL of the platform",
            vpc_id=self._args.vpc_id,
            opts=self._own,
        )
        vpc.SecurityGroupIngressRule(
            self._name,
            security_group_id=group.id,
            referenced_security_group_id=self._args.clients,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            description="The cluster",
            opts=self._own,
        )
        return group

    def _instance(self, group: ec2.SecurityGroup, logs: Sequence[pulumi.Resource]) -> rds.Instance:
        """Declare the server."""
        args, name = self._args, self._name
        subnets = rds.SubnetGroup(
            name, name=args.identifier, subnet_ids=list(args.subnet_ids), opts=self._own
        )
        parameters = rds.ParameterGroup(
            name,
            family=f"postgres{_VERSION}",
            parameters=[rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1")],
            opts=self._own,
        )
        return rds.Instance(
            name,
            identifier=args.identifier,
            engine="postgres",
            engine_version=_VERSION,
            auto_minor_version_upgrade=True,
            instance_class=args.machine,
            allocated_storage=args.storage[0],
            max_allocated_storage=args.storage[1],
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=args.key,
            username=USER,
            password=args.password,
            multi_az=args.standby,
            publicly_accessible=False,
            db_subnet_group_name=subnets.name,
            parameter_group_name=parameters.name,
            vpc_security_group_ids=[group.id],
            backup_retention_period=args.backup_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=args.ephemeral,
            deletion_protection=not args.ephemeral,
            skip_final_snapshot=args.ephemeral,
            final_snapshot_identifier=None if args.ephemeral else f"{args.identifier}-final",
            performance_insights_enabled=True,
            performance_insights_kms_key_id=args.key,
            enabled_cloudwatch_logs_exports=list(_LOGS),
            opts=pulumi.ResourceOptions(
                parent=self, protect=not args.ephemeral, depends_on=list(logs)
            ),
        )

    def _secret(self, instance: rds.Instance) -> pulumi.Output[str]:
        """Declare the secret that administrators find its address and password in."""
        args = self._args
        secret = secretsmanager.Secret(
            self._name,
            name=f"{args.identifier}/postgresql",
            description="Address and password of the platform's PostgreSQL",
            kms_key_id=args.key,
            recovery_window_in_days=0 if args.ephemeral else _RECOVERY_DAYS,
            opts=self._own,
        )
        known = pulumi.Output.all(instance.address, args.password)
        text: pulumi.Output[str] = pulumi.Output.secret(
            known.apply(
                lambda one: json.dumps(
                    {"host": one[0], "port": PORT, "username": USER, "password": one[1]}
                )
            )
        )
        secretsmanager.SecretVersion(
            self._name,
            secret_id=secret.id,
            secret_string=text,
            opts=self._own,
        )
        return secret.arn
