"""Takes the copies of databases to a bucket, then removes the oldest; run in the backup's pod."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import boto3


def main() -> None:
    """Upload each file, and keep so many of each."""
    bucket, folder = os.environ["BUCKET"], os.environ["FOLDER"]
    client = boto3.client("s3")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    for file in sorted(Path(os.environ["FILES"]).glob("*.dump")):
        prefix = f"{folder}/{file.stem}/"
        client.upload_file(str(file), bucket, f"{prefix}{now}.dump")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        there = sorted(one["Key"] for page in pages for one in page.get("Contents", []))
        for key in there[: -int(os.environ["KEPT"])]:
            client.delete_object(Bucket=bucket, Key=key)
        sys.stdout.write(f"{file.stem}: copied to s3://{bucket}/{prefix}{now}.dump\n")


if __name__ == "__main__":
    main()
