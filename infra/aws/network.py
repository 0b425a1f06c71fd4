"""The network: private subnets for nodes, public ones for gateways, closed ones for databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, vpc

from infra.aws import documents
from infra.aws.addresses import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERFACES = (
    *("ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "logs", "kms", "secretsmanager"),
    *("autoscaling", "elasticloadbalancing"),
)
"""The services that have an endpoint in the network, where there are endpoints."""
_HTTPS = 443
_MINUTES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkArgs:
    """What a network is.

    Attributes:
        cidr: its addresses.
        region: the region.
        zones: its availability zones.
        nat: ``one`` NAT gateway, one ``per-zone``, or ``none``.
        endpoints: whether AWS's own services are reached by endpoints in the network; S3 always is.
        cluster: name of the cluster, which load balancers find their subnets by.
        log_key: ARN of the key of the log of connections; None for no such log.
        log_days: days that it is kept.
    """

    cidr: str
    region: str
    zones: Sequence[str]
    nat: str
    endpoints: bool
    cluster: str
    log_key: pulumi.Input[str] | None
    log_days: int


class Network(pulumi.ComponentResource):
    """A network of its own.

    Attributes:
        vpc_id: its id.
        private_subnet_ids: ids of the subnets of nodes and pods, by zone.
        database_subnet_ids: ids of the subnets of databases, by zone.
        ways_out: what nodes need to get out, which has to be there longer than they are.
    """

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    database_subnet_ids: list[pulumi.Output[str]]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the network."""
        super().__init__("atlas:aws:Network", name, None, opts)
        self._name, self._args = name, args
        self._own = pulumi.ResourceOptions(parent=self)
        self._vpc = ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._named(""),
            opts=self._own,
        )
        self.vpc_id = self._vpc.id
        # The group that everything is in which names none lets nothing in and nothing out.
        ec2.DefaultSecurityGroup(
            f"{name}-default", vpc_id=self.vpc_id, tags=self._named("default"), opts=self._own
        )
        found = blocks(args.cidr, len(args.zones))
        # Load balancers find the subnets that they go into by these.
        inside = {"kubernetes.io/role/internal-elb": "1"}
        public = self._subnets(
            "public", [one.public for one in found], {"kubernetes.io/role/elb": "1"}
        )
        private = self._subnets("private", [one.private for one in found], inside)
        database = self._subnets("database", [one.database for one in found])
        self.private_subnet_ids = [one.id for one in private]
        self.database_subnet_ids = [one.id for one in database]
        self._associations: list[pulumi.Resource] = []
        tables = self._route_tables(public, private)
        self._table("database", database, None)
        self.ways_out = [*self._associations, *self._endpoints(tables)]
        self._log()
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "database_subnet_ids": self.database_subnet_ids,
            }
        )

    def _named(self, what: str) -> dict[str, str]:
        """Return the tag by which the console names a part of the network."""
        return {"Name": "-".join(filter(None, (self._args.cluster, what)))}

    def _subnets(
        self, kind: str, cidrs: Sequence[str], tags: dict[str, str] | None = None
    ) -> list[ec2.Subnet]:
        """Declare the subnets of a kind, one a zone; nothing in them gets a public address."""
        return [
            ec2.Subnet(
                f"{self._name}-{kind}-{zone[-1]}",
                vpc_id=self.vpc_id,
                availability_zone=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={**self._named(f"{kind}-{zone[-1]}"), **(tags or {})},
                opts=self._own,
            )
            for zone, cidr in zip(self._args.zones, cidrs, strict=True)
        ]

    def _route_tables(
        self, public: Sequence[ec2.Subnet], private: Sequence[ec2.Subnet]
    ) -> list[ec2.RouteTable]:
        """Declare the ways out of subnets; return those of the private ones."""
        if self._args.nat == "none":
            return [self._table("private", private, None)]
        gateway = ec2.InternetGateway(
            self._name, vpc_id=self.vpc_id, tags=self._named(""), opts=self._own
        )
        out = ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)
        first = self._table("public", public, out)
        count = 1 if self._args.nat == "one" else len(public)
        gateways = [
            self._nat(subnet, zone, first)
            for subnet, zone in zip(public[:count], self._args.zones[:count], strict=True)
        ]
        return [
            self._table(f"private-{zone[-1]}", [subnet], _through(gateways[n % len(gateways)]))
            for n, (subnet, zone) in enumerate(zip(private, self._args.zones, strict=True))
        ]

    def _nat(self, subnet: ec2.Subnet, zone: str, after: pulumi.Resource) -> ec2.NatGateway:
        """Declare a NAT gateway in a public subnet."""
        name = f"{self._name}-nat-{zone[-1]}"
        tags = self._named(f"nat-{zone[-1]}")
        # Both need the way out that the public subnets have.
        opts = pulumi.ResourceOptions(parent=self, depends_on=[after])
        address = ec2.Eip(name, domain="vpc", tags=tags, opts=opts)
        return ec2.NatGateway(
            name, allocation_id=address.id, subnet_id=subnet.id, tags=tags, opts=opts
        )

    def _table(
        self, kind: str, subnets: Sequence[ec2.Subnet], route: ec2.RouteTableRouteArgs | None
    ) -> ec2.RouteTable:
        """Declare the route table of subnets."""
        table = ec2.RouteTable(
            f"{self._name}-{kind}",
            vpc_id=self.vpc_id,
            routes=[route] if route else [],
            tags=self._named(kind),
            opts=self._own,
        )
        associations = [
            ec2.RouteTableAssociation(
                f"{self._name}-{kind}-{number}",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self._own,
            )
            for number, subnet in enumerate(subnets)
        ]
        if kind != "database":
            self._associations += associations
        return table

    def _endpoints(self, tables: Sequence[ec2.RouteTable]) -> list[pulumi.Resource]:
        """Declare the endpoints of AWS's services in the network."""
        region = self._args.region
        # Costs nothing, and keeps what goes to and from S3 off the NAT gateways.
        found: list[pulumi.Resource] = [
            ec2.VpcEndpoint(
                f"{self._name}-s3",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags=self._named("s3"),
                opts=self._own,
            )
        ]
        if not self._args.endpoints:
            return found
        group = self._endpoint_group()
        return found + [
            ec2.VpcEndpoint(
                f"{self._name}-{service.replace('.', '-')}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.private_subnet_ids,
                security_group_ids=[group.id],
                tags=self._named(service),
                opts=self._own,
            )
            for service in _INTERFACES
        ]

    def _endpoint_group(self) -> ec2.SecurityGroup:
        """Declare who gets at the endpoints: the network itself, over TLS."""
        group = ec2.SecurityGroup(
            f"{self._name}-endpoints",
            description="Endpoints of AWS's services",
            vpc_id=self.vpc_id,
            tags=self._named("endpoints"),
            opts=self._own,
        )
        vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints",
            security_group_id=group.id,
            cidr_ipv4=self._args.cidr,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            description="The network, over TLS",
            opts=self._own,
        )
        return group

    def _log(self) -> None:
        """Declare the log of the network's connections, where there is one."""
        if self._args.log_key is None:
            return
        name = f"{self._name}-connections"
        group = cloudwatch.LogGroup(
            name,
            name=f"/aws/vpc/{self._args.cluster}",
            retention_in_days=self._args.log_days,
            kms_key_id=self._args.log_key,
            opts=self._own,
        )
        role = iam.Role(
            name,
            assume_role_policy=documents.trusts("vpc-flow-logs.amazonaws.com"),
            opts=self._own,
        )
        policy = group.arn.apply(documents.flow_logs)
        iam.RolePolicy(name, role=role.name, policy=policy, opts=self._own)
        ec2.FlowLog(
            name,
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=_MINUTES,
            tags=self._named("connections"),
            opts=self._own,
        )


def _through(gateway: ec2.NatGateway) -> ec2.RouteTableRouteArgs:
    """Return the way out through a NAT gateway."""
    return ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", nat_gateway_id=gateway.id)
