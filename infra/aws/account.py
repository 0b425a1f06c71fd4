"""Where a platform on AWS is: the account, its zones, its bucket; found before anything is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
import pulumi_aws

from infra.aws.objects import STORAGE_CLASS
from infra.kubernetes import postgresql
from infra.kubernetes.settings import Reached

if TYPE_CHECKING:
    from infra.aws.settings import AwsSettings
    from infra.kubernetes.settings import ClusterSettings

_NO_EKS = ("use1-az3", "usw1-az2", "cac1-az3")
"""The zones that EKS has no control plane in, by id."""
_AGENT = "169.254.170.23/32"
"""Where pods ask for the credentials of their role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccount:
    """Where the platform is.

    Attributes:
        provider: the provider of AWS.
        account: number of the account.
        zones: the availability zones.
        bucket: name of the bucket.
    """

    provider: pulumi_aws.Provider
    account: str
    zones: tuple[str, ...]
    bucket: str


def find(aws: AwsSettings) -> AwsAccount:
    """Ask AWS whose account it is and which zones there are: nothing is made without an answer."""
    provider = pulumi_aws.Provider(
        "aws",
        region=aws.region,
        allowed_account_ids=[aws.account] if aws.account else None,
        default_tags=pulumi_aws.ProviderDefaultTagsArgs(tags=aws.all_tags),
    )
    asking = pulumi.InvokeOptions(provider=provider)
    account = pulumi_aws.get_caller_identity(opts=asking).account_id
    return AwsAccount(
        provider=provider,
        account=account,
        zones=aws.zones or _first_zones(aws, asking),
        bucket=aws.bucket or f"{aws.name}-{account}-{aws.region}",
    )


def _first_zones(aws: AwsSettings, asking: pulumi.InvokeOptions) -> tuple[str, ...]:
    """Return the first zones of the region.

    Raises:
        pulumi.RunError: there are too few.
    """
    there = pulumi_aws.get_availability_zones(
        state="available",
        filters=[
            pulumi_aws.GetAvailabilityZonesFilterArgs(
                name="opt-in-status", values=["opt-in-not-required"]
            )
        ],
        exclude_zone_ids=list(_NO_EKS),
        opts=asking,
    ).names
    found = tuple(sorted(there)[: aws.size.zones])
    if len(found) < aws.size.zones:
        raise pulumi.RunError(
            f"atlas:region: {aws.region} has {len(found)} availability zones for the account; "
            f"size {aws.size.name} needs {aws.size.zones} (atlas:zones names fewer)"
        )
    return found


def on_aws(settings: ClusterSettings, aws: AwsSettings, place: AwsAccount) -> ClusterSettings:
    """Return the settings of the platform of a cluster on AWS.

    Raises:
        pulumi.RunError: the store is in another bucket, whose roles would be somebody else's.
    """
    config = pulumi.Config("atlas")
    store = config.get("store") or f"s3://{place.bucket}/store"
    dags = config.get("dags") or f"s3://{place.bucket}/dags"
    for key, url in (("store", store), ("dags", dags)):
        parts = urlsplit(url)
        if parts.scheme == "s3" and (parts.netloc != place.bucket or not parts.path.strip("/")):
            raise pulumi.RunError(
                f"atlas:{key}: found '{url}'; expected a folder of s3://{place.bucket} "
                "(atlas:bucket names the bucket)"
            )
    elsewhere = {"object-store": f"https://s3.{aws.region}.{aws.suffix}"}
    if aws.has_registry:
        elsewhere["registry"] = f"https://{place.account}.dkr.ecr.{aws.region}.{aws.suffix}"
    return replace(
        settings,
        region=aws.region,
        store=store.rstrip("/"),
        dags=dags.rstrip("/"),
        store_identity=True,
        storage_class=settings.storage_class or STORAGE_CLASS,
        elsewhere={**settings.elsewhere, **elsewhere},
        reached=(Reached(_AGENT, 80), Reached(aws.cidr, postgresql.PORT)),
    )
