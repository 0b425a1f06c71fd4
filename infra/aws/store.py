"""S3: the bucket of artifacts, DAGs and logs."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import s3

from infra.aws import documents

_EARLIER_DAYS = 90
_PARTS_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactBucketArgs:
    """What a bucket is.

    Attributes:
        bucket: its name.
        key: ARN of the key that it is encrypted with.
        ephemeral: whether its objects are gone with it.
    """

    bucket: str
    key: pulumi.Input[str]
    ephemeral: bool


class ArtifactBucket(pulumi.ComponentResource):
    """A bucket: encrypted, versioned, closed to the public, over TLS alone.

    Attributes:
        arn: ARN of the bucket, once all of that holds.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ArtifactBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the bucket."""
        super().__init__("atlas:aws:Store", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            bucket=args.bucket,
            force_destroy=args.ephemeral,
            opts=pulumi.ResourceOptions(parent=self, protect=not args.ephemeral),
        )
        closed = s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=own,
        )
        self._encryption(name, args, bucket)
        versioning = s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled"
            ),
            opts=own,
        )
        s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=own,
        )
        # S3 refuses two changes of who may do what at the same time.
        one_by_one = pulumi.ResourceOptions(parent=self, depends_on=[closed])
        policy = bucket.arn.apply(documents.only_over_tls)
        s3.BucketPolicy(name, bucket=bucket.bucket, policy=policy, opts=one_by_one)
        self._lifecycle(name, bucket, versioning)
        self.arn = bucket.arn
        self.register_outputs({"arn": self.arn})

    def _encryption(self, name: str, args: ArtifactBucketArgs, bucket: s3.Bucket) -> None:
        """Declare which key objects are encrypted with."""
        by_default = (
            s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="aws:kms", kms_master_key_id=args.key
            )
        )
        s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=by_default, bucket_key_enabled=True
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _lifecycle(self, name: str, bucket: s3.Bucket, versioning: pulumi.Resource) -> None:
        """Declare when earlier versions of objects go, and parts of uploads that never ended."""
        s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                s3.BucketLifecycleConfigurationRuleArgs(
                    id="earlier-versions",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=(
                        s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=_EARLIER_DAYS
                        )
                    ),
                    abort_incomplete_multipart_upload=(
                        s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=_PARTS_DAYS
                        )
                    ),
                )
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
