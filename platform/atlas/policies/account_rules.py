"""Policies about an account of AWS: secrets, buckets, machines, keys, logs: K008, K013 to K018."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.policies.resource import is_secret, is_unknown, items, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from atlas.errors import Problem
    from atlas.policies.resource import PlannedResource

BUCKET = "aws:s3/bucket:Bucket"
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
_MACHINES = (
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/instance:Instance",
    "aws:ec2/launchConfiguration:LaunchConfiguration",
)
_DATABASES = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
_SECRETS = {
    "aws:secretsmanager/secretVersion:SecretVersion": "secretString",
    "aws:ssm/parameter:Parameter": "value",
    "aws:rds/instance:Instance": "password",
    "aws:rds/cluster:Cluster": "masterPassword",
}
"""Type → the input that is a secret."""
_SYMMETRIC = ("", "SYMMETRIC_DEFAULT")


def statements(text: Any) -> list[Mapping[str, Any]]:
    """Return the statements of a policy of IAM, S3 or KMS; none of what can't be read yet."""
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return []
    found = mapping(document).get("Statement")
    return [mapping(one) for one in (found if isinstance(found, list) else [found])]


def listed(value: Any) -> list[str]:
    """Return the texts of a policy's element, which is one text or a list."""
    return [str(one) for one in items(value)] if isinstance(value, list) else [str(value or "")]


def plain_secrets(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K008 for each secret that the program, and so Pulumi's state, has in plain text."""
    key = _SECRETS.get(resource.type, "")
    value = resource.inputs.get(key)
    is_plain = isinstance(value, str) and value and not is_secret(value) and not is_unknown(value)
    if resource.inputs.get("type", "SecureString") == "SecureString" and is_plain:
        yield resource.problem(
            "K008",
            key,
            "the secret stands in Pulumi's state",
            expected="pulumi.Output.secret(…)",
        )


def public_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K013 for a bucket that objects may be made public in."""
    if resource.type.endswith("PublicAccessBlock:BucketPublicAccessBlock"):
        lacking = [name for name in _BLOCKS if resource.inputs.get(name) is not True]
        if lacking:
            yield resource.problem(
                "K013",
                lacking[0],
                f"the bucket may become public: no {', '.join(lacking)}",
                expected=f"{', '.join(_BLOCKS)}: true",
            )
    acl = resource.inputs.get("acl")
    if resource.type.startswith("aws:s3/bucket") and acl in _PUBLIC_ACLS:
        yield resource.problem(
            "K013", "acl", f"the bucket is public ({acl})", found=str(acl), expected="private"
        )


def metadata_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K014 for machines whose credentials are had by one plain request, or by their pods."""
    if resource.type not in _MACHINES:
        return
    options = mapping(resource.inputs.get("metadataOptions"))
    if options.get("httpEndpoint") == "disabled":
        return
    if options.get("httpTokens") != "required":
        yield resource.problem(
            "K014",
            "metadataOptions.httpTokens",
            "whatever makes the machine ask for a page gets its credentials",
            found=str(options.get("httpTokens") or ""),
            expected="required (IMDSv2)",
        )
    elif (hops := options.get("httpPutResponseHopLimit", 1)) != 1:
        yield resource.problem(
            "K014",
            "metadataOptions.httpPutResponseHopLimit",
            "containers of the machine get its credentials",
            found=str(hops),
            expected="1",
        )


def backup_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K015 for a database that nobody can bring back."""
    if resource.type not in _DATABASES or "replicateSourceDb" in resource.inputs:
        return
    # A cluster of Aurora has backups of a day, where nothing is said.
    least = 1 if resource.type == _DATABASES[1] else 0
    days = resource.inputs.get("backupRetentionPeriod", least)
    if days == 0:
        yield resource.problem(
            "K015",
            "backupRetentionPeriod",
            "the database has no backups",
            found=str(days),
            expected="days that they are kept",
            severity="warning",
        )


def unversioned(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K015 for each bucket whose objects are gone when they are overwritten."""
    kept = [
        one
        for one in resources
        if one.type.replace("V2", "").endswith(":BucketVersioning")
        and mapping(one.inputs.get("versioningConfiguration")).get("status") == "Enabled"
    ]
    for resource in _buckets(resources, "K015"):
        own = mapping(resource.inputs.get("versioning")).get("enabled")
        if not own and not any(one.names("bucket", resource) for one in kept):
            yield resource.problem(
                "K015",
                "",
                "what is overwritten or deleted in the bucket is gone",
                expected="a BucketVersioning of this bucket, Enabled",
                severity="warning",
            )


def key_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K016 for a key that stays the same for ever."""
    inputs = resource.inputs
    kind = str(inputs.get("customerMasterKeySpec") or "")
    is_own = resource.type == "aws:kms/key:Key" and kind in _SYMMETRIC
    if is_own and not inputs.get("enableKeyRotation"):
        yield resource.problem(
            "K016", "enableKeyRotation", "the key is never another one", expected="true"
        )


def retention_problems(resource: PlannedResource) -> Iterator[Problem]:
    """Yield K017 for logs that nobody deletes."""
    is_logs = resource.type == "aws:cloudwatch/logGroup:LogGroup"
    if is_logs and not resource.inputs.get("retentionInDays"):
        yield resource.problem(
            "K017",
            "retentionInDays",
            "its logs are kept, and paid for, for ever",
            expected="the days that they are kept",
            severity="warning",
        )


def plain_ways(resources: Sequence[PlannedResource]) -> Iterator[Problem]:
    """Yield K018 for each bucket that takes requests over plain HTTP."""
    closed = [
        one
        for one in resources
        if one.type.endswith(":BucketPolicy") and _only_tls(one.inputs.get("policy"))
    ]
    for resource in _buckets(resources, "K018"):
        own = _only_tls(resource.inputs.get("policy"))
        if not own and not any(one.names("bucket", resource) for one in closed):
            yield resource.problem(
                "K018",
                "",
                "the bucket takes requests that anybody on the way can read",
                expected="a BucketPolicy that denies them (aws:SecureTransport)",
                severity="warning",
            )


def _only_tls(policy: Any) -> bool:
    """Tell whether a policy of a bucket denies what comes over plain HTTP; yes, if unknown."""
    found = statements(policy)
    if policy and not found:
        return True
    return any(
        one.get("Effect") == "Deny" and "aws:SecureTransport" in json.dumps(one.get("Condition"))
        for one in found
    )


def _buckets(resources: Sequence[PlannedResource], code: str) -> list[PlannedResource]:
    """Return the buckets that aren't let off a rule."""
    return [one for one in resources if one.type == BUCKET and not one.allows(code)]


RULES: Mapping[str, Callable[[PlannedResource], Iterator[Problem]]] = {
    "K008": plain_secrets,
    "K013": public_problems,
    "K014": metadata_problems,
    "K015": backup_problems,
    "K016": key_problems,
    "K017": retention_problems,
}
TOGETHER: Mapping[str, Callable[[Sequence[PlannedResource]], Iterator[Problem]]] = {
    "K015": unversioned,
    "K018": plain_ways,
}
