"""The script of the backup's pod, against S3 as moto has it."""

from __future__ import annotations

import runpy
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infra.settings import ROOT

SCRIPT = ROOT / "infra" / "kubernetes" / "backup_upload.py"


def run_backup() -> None:
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_each_database_is_copied_and_the_oldest_copies_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("airflow", "mlflow"):
        (tmp_path / f"{name}.dump").write_bytes(name.encode())
    variables = {"BUCKET": "atlas", "FOLDER": "postgresql", "FILES": str(tmp_path), "KEPT": "2"}
    variables |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="atlas")
        old = [f"postgresql/airflow/2020-01-0{day}T000000Z.dump" for day in (1, 2, 3)]
        for key in (*old, "store/objects/a"):
            client.put_object(Bucket="atlas", Key=key, Body=b"old")
        run_backup()
        found = [one["Key"] for one in client.list_objects_v2(Bucket="atlas")["Contents"]]
        newest = [key for key in found if key.startswith("postgresql/airflow/")]
        assert old[2] in newest
        assert len(newest) == 2
        assert "store/objects/a" in found
        (copy,) = [key for key in found if key.startswith("postgresql/mlflow/")]
        assert client.get_object(Bucket="atlas", Key=copy)["Body"].read() == b"mlflow"
    assert f"mlflow: copied to s3://atlas/{copy}" in capsys.readouterr().out
