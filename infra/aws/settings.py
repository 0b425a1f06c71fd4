"""The configuration of a stack whose platform is on AWS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from infra.aws.addresses import MOST_ZONES, network, own_network
from infra.aws.configuration import all_matching, list_of, matching
from infra.aws.groups import size_of
from infra.aws.sizes import SMALL, AwsSize
from infra.kubernetes.configuration import NAME, texts
from infra.settings import number, one_of, switch

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = frozenset(
    {
        *("account", "cidr", "otherNetworks", "zones", "nat", "endpoints", "flowLogs"),
        *("publicAccess", "admins", "kubernetesVersion", "nodes", "identity", "databaseClass"),
        *("bucket", "tags", "ephemeral", "logDays", "budget", "budgetEmails"),
    }
)
"""The keys that there are on AWS alone."""
ELSEWHERE = frozenset({"kubeconfig", "context", "storeIdentity", "kubeflowDatabase"})
"""The keys of a cluster of one's own that AWS has no use for."""
IDENTITIES = ("pod-identity", "irsa")
VERSION = "1.35"
"""The version of Kubernetes: in EKS's standard support until March 2027."""
_REGION = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-\d")
_ACCOUNT = re.compile(r"\d{12}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+")
_STACK = 24
_LEAST_ZONES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """A stack's settings, on AWS.

    Attributes:
        stack: the stack's name.
        region: the region.
        account: the account that it may be in; empty for whichever the credentials are of.
        size: its size, with what the configuration changes of it.
        cidr: the addresses of the network.
        zones: the availability zones; empty for the first ones of the region.
        public_access: the addresses that the cluster's API server is reached from over the
            internet; empty for none.
        admins: roles and users of IAM that may do everything in the cluster, by ARN.
        version: the version of Kubernetes.
        irsa: whether pods have their roles by IRSA, and not by Pod Identity.
        bucket: name of the bucket; empty for one with the account's number.
        tags: tags of everything, beside the platform's own.
        ephemeral: whether data is gone with the stack.
        budget: US dollars a month that people get e-mails of; 0 for none.
        budget_emails: who gets one.
        has_database: whether the database is the platform's own.
        has_registry: whether the registry is the platform's own.
    """

    stack: str
    region: str
    account: str = ""
    size: AwsSize = SMALL
    cidr: str = "10.64.0.0/16"
    zones: tuple[str, ...] = ()
    public_access: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    version: str = VERSION
    irsa: bool = False
    bucket: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    ephemeral: bool = False
    budget: int = 0
    budget_emails: tuple[str, ...] = ()
    has_database: bool = True
    has_registry: bool = True

    @classmethod
    def read(cls) -> AwsSettings:
        """Read the configuration of the stack that is being updated.

        Raises:
            pulumi.RunError: a value can't be right.
        """
        config = pulumi.Config("atlas")
        _refuse(config)
        size = size_of(config)
        others = [str(network("otherNetworks", one)) for one in list_of(config, "otherNetworks")]
        budget = number(config, "budget") or 0
        return cls(
            stack=_stack(pulumi.get_stack()),
            region=matching(config, "region", _REGION, "a region, such as eu-west-1"),
            account=matching(config, "account", _ACCOUNT, "the 12 digits of an account", ""),
            size=size,
            cidr=own_network(config.get("cidr") or "10.64.0.0/16", others),
            zones=_zones(config),
            public_access=tuple(_from_outside(one) for one in list_of(config, "publicAccess")),
            admins=all_matching(config, "admins", _ROLE, "ARNs of roles or users of IAM"),
            version=matching(config, "kubernetesVersion", re.compile(r"1\.3\d"), "1.3x", VERSION),
            irsa=one_of("identity", config.get("identity") or IDENTITIES[0], IDENTITIES)
            == IDENTITIES[1],
            bucket=matching(config, "bucket", _BUCKET, "a name of a bucket, without dots", ""),
            tags=_tags(config),
            ephemeral=switch(config, "ephemeral") or False,
            budget=budget,
            budget_emails=_emails(config, budget),
            has_database=(config.get("postgresql") or "true") == "true",
            has_registry=(config.get("registry") or "true") == "true",
        )

    @property
    def name(self) -> str:
        """Return the name of what exists once in a platform, such as its cluster."""
        return f"atlas-{self.stack}"

    @property
    def partition(self) -> str:
        """Return the partition of AWS that the region is in."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def suffix(self) -> str:
        """Return the domain of the region's services."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    @property
    def all_tags(self) -> dict[str, str]:
        """Return the tags of everything."""
        own = {"atlas:stack": self.stack, "managed-by": "pulumi", "part-of": "atlas"}
        return {**self.tags, **own}

    def managed_policy(self, name: str) -> str:
        """Return the ARN of a policy that AWS manages."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"


def _refuse(config: pulumi.Config) -> None:
    """Raise pulumi.RunError for a setting that is of a cluster of one's own."""
    for key in sorted(ELSEWHERE):
        if config.get(key):
            raise pulumi.RunError(
                f"atlas:{key}: found '{config.get(key)}'; expected nothing: the platform makes its "
                "own cluster on AWS (atlas:target: kubernetes uses yours)"
            )


def _stack(name: str) -> str:
    """Return the stack's name, which names of AWS are made of.

    Raises:
        pulumi.RunError: names of AWS can't have it in them.
    """
    if not NAME.fullmatch(name) or len(name) > _STACK:
        raise pulumi.RunError(
            f"stack '{name}': expected lower-case letters, digits and dashes, at most {_STACK}: "
            "databases and buckets have it in their names"
        )
    return name


def _from_outside(text: str) -> str:
    """Return addresses that the API server is reached from.

    Raises:
        pulumi.RunError: they aren't a block, or all of the internet.
    """
    found = network("publicAccess", text)
    if found.prefixlen == 0:
        raise pulumi.RunError(
            f"atlas:publicAccess: found '{text}', everybody on the internet; expected the "
            "addresses of your office or VPN"
        )
    return str(found)


def _zones(config: pulumi.Config) -> tuple[str, ...]:
    """Return the availability zones; none for the first ones of the region.

    Raises:
        pulumi.RunError: they are too few or many, or not the region's.
    """
    found = list_of(config, "zones")
    region = config.get("region") or ""
    strange = [one for one in found if not re.fullmatch(rf"{re.escape(region)}[a-z]", one)]
    if strange:
        raise pulumi.RunError(
            f"atlas:zones: found '{strange[0]}'; expected zones of {region}, such as {region}a"
        )
    if found and not (_LEAST_ZONES <= len(set(found)) == len(found) <= MOST_ZONES):
        raise pulumi.RunError(
            f"atlas:zones: found {', '.join(found)}; expected {_LEAST_ZONES} to {MOST_ZONES} "
            "different zones: EKS and RDS take no fewer than two"
        )
    return tuple(found)


def _tags(config: pulumi.Config) -> dict[str, str]:
    """Return the tags of everything.

    Raises:
        pulumi.RunError: one can't be a tag.
    """
    found = texts(config, "tags")
    for key in found:
        if key.startswith("aws:") or not key or len(key) > 128:  # noqa: PLR2004 - AWS's own
            raise pulumi.RunError(
                f"atlas:tags: found '{key}'; expected keys of at most 128 characters that don't "
                "begin with aws:"
            )
    return found


def _emails(config: pulumi.Config, budget: int) -> tuple[str, ...]:
    """Return who gets e-mails of the budget.

    Raises:
        pulumi.RunError: nobody is, or one isn't an address.
    """
    found = all_matching(config, "budgetEmails", _MAIL, "addresses of e-mail")
    if bool(budget) != bool(found) or budget < 0:
        raise pulumi.RunError(
            f"atlas:budget: found {budget} with {len(found)} atlas:budgetEmails; expected US "
            "dollars a month, and who gets e-mails; or neither"
        )
    return found
