"""The bucket of a platform, copied and put back by the commands of docs/operations.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster.airflow import s3_server

pytestmark = pytest.mark.long
PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
FILES = {
    "store/runs/run 1/run.json": b"{}",
    "store/a+b": b"1" * 100_000,
    "dags/it.py": b"# A DAG.\n",
}


def test_what_was_lost_and_changed_is_put_back(tmp_path: Path) -> None:
    if shutil.which("aws") is None:
        pytest.skip("no AWS CLI here (`pip install awscli`)")
    copy, restore = re.findall(r"^\$ (aws s3 sync .*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    with s3_server(tmp_path / "server") as variables:

        def run(command: str) -> None:
            known = {**os.environ, **variables, "AWS_EC2_METADATA_DISABLED": "true"}
            done = subprocess.run(
                ["sh", "-ec", command], cwd=tmp_path, env=known, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr

        bucket = tmp_path / "server" / "data" / "atlas"
        for name, content in FILES.items():
            (bucket / name).parent.mkdir(parents=True, exist_ok=True)
            (bucket / name).write_bytes(content)
        run(copy)
        run("aws s3 rm s3://atlas/dags/it.py")
        (bucket / "store/a+b").write_bytes(b"broken")
        run(restore)
        for name, content in FILES.items():
            assert (bucket / name).read_bytes() == content, name
